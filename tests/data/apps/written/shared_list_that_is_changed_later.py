import fal

COMMON = ["a"]


class Chat(fal.App):
    requirements = COMMON


COMMON.append("b")
#: requirements = ["a", "b"]
