import fal


class Example(fal.App):
    requirements = [
        "torch==2.5.0",
        "--extra-index-url",
        "https://download.pytorch.org/whl/cu124",
    ]
#: requirements = ["torch==2.5.0", "--extra-index-url", "https://download.pytorch.org/whl/cu124"]
