import fal

NAMES = {"b", "a"} | {"c"}


class Chat(fal.App):
    requirements = sorted(NAMES)
#: requirements = ["a", "b", "c"]
