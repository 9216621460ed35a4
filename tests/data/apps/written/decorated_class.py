import fal
from acme import with_defaults


@with_defaults
class Chat(fal.App):
    requirements = ["a"]
#: error = """written.py:5: `requirements` is not understood: `with_defaults`
#:   because what it makes of the class is known at run time alone"""
