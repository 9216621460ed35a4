import os

import fal

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "requirements.txt")


def load(path):
    found = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.split("#")[0].strip()
            if not line:
                continue
            if line.startswith("--"):
                break
            found.append(line)
    return found


class Chat(fal.App):
    requirements = [*load(PATH), "fal"]
#: requirements = ["torch==2.6.0", "numpy<2", "fal"]
#: lines = [2, 3, 22]
