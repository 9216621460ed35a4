import fal

from constants import COMMON, INDEX_FLAGS
from more.lists import extra


class Chat(fal.App):
    requirements = COMMON + extra("4.0") + INDEX_FLAGS
#: requirements = ["fastapi", "uvicorn", "extra==4.0", "--find-links", "https://files.example/wheels/"]
#: lines = [1, 1, 2, 2, 2]
