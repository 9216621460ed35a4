import fal

NAMES = {"b", "a"}


class Chat(fal.App):
    requirements = [*sorted(NAMES)] + list(NAMES)
#: error = "written.py:7: `requirements` is not understood: `list(NAMES)`"
