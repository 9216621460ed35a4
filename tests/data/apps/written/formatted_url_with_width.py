import os

import fal


class Chat(fal.App):
    requirements = ["git+https://{:>10}@git.example/acme/other.git".format(os.environ["OTHER_TOKEN"])]
#: error = """written.py:7: `requirements[0]` is not understood: `'git+https://git.example/acme/other.git'.format(os.environ[…`
#:   because a format that could change what the environment gives cannot be worked out
#:   try: write it out, put the list into a requirements.txt, or run the file with `--evaluate`"""
