import fal


def again(n):
    return again(n + 1)


class Chat(fal.App):
    requirements = ["a", again(0)]
#: error = """written.py:5: `requirements[1]` is not understood: `again(n + 1)`
#:   because it calls itself too deep"""
