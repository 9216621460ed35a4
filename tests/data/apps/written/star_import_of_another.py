import fal

NAMES = ["a"]
from acme import *


class Chat(fal.App):
    requirements = NAMES
#: error = """written.py:4: `requirements` is not understood: `from acme import *`
#:   because which names it gives a value is known at run time alone"""
