import fal
from acme_tools.lists import BASE


class Chat(fal.App):
    requirements = [*BASE, "torch"]
#: error = """written.py:6: `requirements[0]` is not understood: `BASE`
#:   because `acme_tools.lists.BASE` is not read here"""
