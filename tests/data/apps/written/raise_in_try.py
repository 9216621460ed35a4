import sys

import fal

NAMES = ["a"]
try:
    if sys.version_info >= (3, 10):
        raise ImportError
    NAMES.append("b")
except ImportError:
    NAMES.append("c")


class Chat(fal.App):
    requirements = NAMES
#: error = "written.py:6: `requirements` is not understood: `try: if sys.version_info >= (3, 10): raise ImportError NAME…`"
