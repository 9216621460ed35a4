import fal
from acme import add_defaults

COMMON = ["a"]
add_defaults(COMMON)


class Chat(fal.App):
    requirements = COMMON
#: error = """written.py:5: `requirements` is not understood: `add_defaults(COMMON)`
#:   because `acme.add_defaults` is not read here"""
