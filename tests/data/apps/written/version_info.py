import sys

import fal


class Chat(fal.App):
    requirements = [
        "tomli" if sys.version_info < (3, 11) else "tomli-w",
        f"https://files.example/x-1.0-cp{sys.version_info.major}{sys.version_info[1]}-none-any.whl",
    ]
#: requirements = ["tomli-w", "https://files.example/x-1.0-cp311-none-any.whl"]
#: late = true
