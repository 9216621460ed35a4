import fal

OPTIONS = {"keep_alive": 300, "python_version": "3.11"}


class Chat(fal.App, name="chat", **OPTIONS):
    requirements = ["torch"]
#: requirements = ["torch"]
#: python = "3.11"
