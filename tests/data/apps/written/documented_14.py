import fal


class Example(fal.App):
    requirements = [
        ["setuptools", "wheel"],
        ["numpy==1.24.0"],
    ]
#: requirements = [["setuptools", "wheel"], ["numpy==1.24.0"]]
