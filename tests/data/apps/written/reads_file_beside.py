from pathlib import Path

import fal

HERE = Path(__file__).parent


def read_requirements():
    lines = (HERE / "requirements.txt").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


class Chat(fal.App):
    requirements = read_requirements()
#: requirements = ["torch==2.6.0", "numpy<2", "--extra-index-url", "https://download.pytorch.org/whl/cu124"]
#: lines = [2, 3, 5, 6]
#: files = ["requirements.txt", "requirements.txt", "requirements.txt", "requirements.txt"]
