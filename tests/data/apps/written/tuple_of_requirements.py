import fal


class Chat(fal.App):
    requirements = ("torch",)
#: error = """written.py:5: `requirements` is a tuple
#:   because the platform takes lists alone
#:   try: a list"""
