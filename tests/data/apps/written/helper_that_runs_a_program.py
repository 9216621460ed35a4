import subprocess

import fal


class Chat(fal.App):
    requirements = subprocess.check_output(["pip", "freeze"]).decode().splitlines()
#: error = """written.py:7: `requirements` is not understood: `subprocess.check_output(['pip', 'freeze'])`
#:   because `subprocess.check_output` is not read here"""
