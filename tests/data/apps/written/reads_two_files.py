from pathlib import Path

import fal

FILES = ["requirements.txt", "more/short.txt"]


def lines_of(*names: str) -> list[str]:
    return [
        line
        for name in names
        for line in Path(__file__).resolve().parent.joinpath(name).read_text().split()
        if line and line[0].isalpha()
    ]


class Chat(fal.App):
    requirements = list(dict.fromkeys(lines_of(*FILES)))
#: error = "written.py:18: `requirements` is not understood: `dict.fromkeys`"
