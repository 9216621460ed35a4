import fal


class Chat(fal.App):
    requirements = ["a"].append("b")
#: error = """written.py:5: `requirements` is `None`
#:   try: a list, or none at all"""
