import fal


class Example(fal.App):
    requirements = [
        "--extra-index-url",
        "https://download.pytorch.org/whl/cu124",
        "--extra-index-url",
        "https://index.example/simple",
        "torch==2.5.0",
        "your-internal-package==1.0.0",
    ]
#: requirements = ["--extra-index-url", "https://download.pytorch.org/whl/cu124", "--extra-index-url", "https://index.example/simple", "torch==2.5.0", "your-internal-package==1.0.0"]
