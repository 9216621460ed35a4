from pathlib import Path

HERE = Path(__file__).resolve().parent


def get_requirements():
    """The lines of the list beside this file."""
    with open(HERE / "requirements.txt") as file:
        return file.read().split()
