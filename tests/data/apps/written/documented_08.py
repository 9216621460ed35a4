import fal


class Example(fal.App):
    requirements = [
        "--extra-index-url",
        "https://username:password@index.example/simple",
        "your-private-package==1.0.0",
    ]
#: requirements = ["--extra-index-url", "https://username:password@index.example/simple", "your-private-package==1.0.0"]
