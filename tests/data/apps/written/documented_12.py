import fal


class Example(fal.App):
    requirements = [
        "torch==2.4.0",
        ".[extra]",
    ]
#: requirements = ["torch==2.4.0", ".[extra]"]
