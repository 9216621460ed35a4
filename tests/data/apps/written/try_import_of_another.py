import fal

try:
    import torch

    REQUIREMENTS = ["torch"]
except ImportError:
    REQUIREMENTS = []


class Chat(fal.App):
    requirements = REQUIREMENTS
#: error = """written.py:4: `requirements` is not understood: `import torch`
#:   because whether it can be imported is known at run time alone"""
