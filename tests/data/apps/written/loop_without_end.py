import fal

n = 0
while True:
    n += 1

NAME = "after"


class Chat(fal.App):
    requirements = ["a", NAME]
#: requirements = ["a", "after"]
