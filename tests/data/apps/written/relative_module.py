import fal

from .constants import COMMON as BASE
from .more import lists


class Chat(fal.App):
    requirements = [*BASE, *lists.extra("5")]
#: requirements = ["fastapi", "uvicorn", "extra==5"]
