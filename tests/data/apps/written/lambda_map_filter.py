import fal

NAMES = ["torch ", "", " numpy"]
pin = lambda name: name + "==1"


class Chat(fal.App):
    requirements = list(map(pin, map(str.strip, filter(None, NAMES))))
#: requirements = ["torch==1", "numpy==1"]
