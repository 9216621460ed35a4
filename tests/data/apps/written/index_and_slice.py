import fal

LISTS = [["a", "b", "c"], ["d"]]


class Chat(fal.App):
    requirements = LISTS[0][1:] + LISTS[-1]
#: requirements = ["b", "c", "d"]
