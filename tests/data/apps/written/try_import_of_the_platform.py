try:
    import fal
except ImportError:
    fal = None


class Chat(fal.App):
    requirements = ["a"]
#: requirements = ["a"]
