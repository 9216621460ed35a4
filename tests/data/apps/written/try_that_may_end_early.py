import fal
from acme import setup

NAMES = ["a"]
try:
    setup()
    NAMES.append("b")
except Exception:
    pass


class Chat(fal.App):
    requirements = NAMES
#: error = """written.py:5: `requirements` is not understood: `try: setup() NAMES.append('b') except Exception: pass`
#:   because whether something in it fails is known at run time alone"""
