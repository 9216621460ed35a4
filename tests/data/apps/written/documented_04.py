import fal


class Example(fal.App):
    requirements = [
        "mypackage",
        "--find-links",
        "https://github.com/your-org/releases/download/v1.0.0/",
    ]
#: requirements = ["mypackage", "--find-links", "https://github.com/your-org/releases/download/v1.0.0/"]
