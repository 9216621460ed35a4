import fal

KIND = "gpu"
match KIND:
    case "gpu":
        NAMES = ["torch"]


class Chat(fal.App):
    requirements = NAMES
#: error = """written.py:4: `requirements` is not understood: `match KIND: case 'gpu': NAMES = ['torch']`
#:   because such a statement is not worked out"""
