import fal

NAMES = ["a"]
try:
    import torch

    NAMES.append("torch")
except ImportError:
    pass


class Chat(fal.App):
    requirements = NAMES
#: error = """written.py:5: `requirements` is not understood: `import torch`
#:   because whether it can be imported is known at run time alone"""
