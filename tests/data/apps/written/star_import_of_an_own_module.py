import fal
from constants import *


class Chat(fal.App):
    requirements = COMMON
#: requirements = ["fastapi", "uvicorn"]
