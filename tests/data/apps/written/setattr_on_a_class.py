import fal


class Chat(fal.App):
    requirements = ["a"]


setattr(Chat, "requirements", ["b"])
#: error = "written.py:8: `requirements` is not understood: `setattr`"
