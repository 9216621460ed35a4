import sys

import fal

try:
    NAMES = ["tomli"] if sys.version_info < (3, 11) else ["a"]
except Exception:
    NAMES = []


class Chat(fal.App):
    requirements = NAMES
#: requirements = ["a"]
#: late = true
