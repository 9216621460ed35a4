import os

import fal

REQUIREMENTS = ["a"]
if os.getenv("CI"):
    REQUIREMENTS.append("b")


class Chat(fal.App):
    requirements = REQUIREMENTS
#: error = """written.py:6: `requirements` is not understood: `os.getenv('CI')`
#:   because `CI` is read from the environment, which no lock may depend on unasked
#:   try: `environment = ["CI"]` in [tool.pinfold]"""
