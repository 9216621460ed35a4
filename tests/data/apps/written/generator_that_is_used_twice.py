import fal

NAMES = (name for name in ["a", "b"])


class Chat(fal.App):
    requirements = [*NAMES] + [*NAMES]
#: error = """written.py:7: `requirements[2]` is not understood: `NAMES`
#:   because it has been gone through before, and gives nothing more"""
