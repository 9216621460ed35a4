import fal

try:
    from importlib.metadata import version

    NAMES = ["a"]
except ImportError:
    NAMES = ["b"]


class Chat(fal.App):
    requirements = NAMES
#: requirements = ["a"]
