import fal

COMMON = ["a"]


def add(name):
    COMMON.append(name)


add("b")


class Chat(fal.App):
    requirements = COMMON
#: requirements = ["a", "b"]
