import fal


class Example(fal.App):
    requirements = [
        "torch==2.4.0",
        "transformers",
        "diffusers",
        "accelerate",
    ]
#: requirements = ["torch==2.4.0", "transformers", "diffusers", "accelerate"]
