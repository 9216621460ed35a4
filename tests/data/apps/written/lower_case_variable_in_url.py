import os

import fal


class Chat(fal.App):
    requirements = [f"git+https://{os.environ['token']}@github.com/acme/x"]
#: error = """written.py:7: `requirements[0]` takes `token` from the environment
#:   because a variable in a URL has a name of `A-Z`, `0-9` and `_` (pip: Requirements File Format)
#:   try: call it `TOKEN`"""
