from functools import cache

import fal


@cache
def names():
    return ["a"]


class Chat(fal.App):
    requirements = names()
#: requirements = ["a"]
