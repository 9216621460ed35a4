import os

import fal


class Chat(fal.App):
    requirements = ["torch==" + os.environ["TORCH_VERSION"]]
#: error = """written.py:7: `requirements[0]` is not understood: `TORCH_VERSION`
#:   because `TORCH_VERSION` is read from the environment, which no lock may depend on unasked
#:   try: `environment = ["TORCH_VERSION"]` in [tool.pinfold]"""
