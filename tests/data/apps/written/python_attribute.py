import fal


class Chat(fal.App):
    python_version = "3.12"
    requirements = ["torch"]
#: requirements = ["torch"]
#: warnings = ['written.py:5: the platform ignores `python_version` in the body of class `Chat`; as a keyword of the class it counts: `class Chat(…, python_version="3.12")`']
