import os

import fal

TOKEN = os.environ["GITHUB_TOKEN"]


class Example(fal.App):
    requirements = [
        f"git+https://{TOKEN}@github.com/myorg/myproj",
    ]
#: requirements = ["git+https://${GITHUB_TOKEN}@github.com/myorg/myproj"]
