import fal

ALL = ["torch", "torchvision", "tensorflow", "numpy"]


class Chat(fal.App):
    requirements = [name for name in ALL if not name.startswith("tensor") and name != "numpy"]
#: requirements = ["torch", "torchvision"]
#: lines = [3, 3]
