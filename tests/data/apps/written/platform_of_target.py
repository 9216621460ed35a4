import platform
import sys

import fal


def wheel():
    """The documented wheel picker, with a plain body."""
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    if platform.system() != "Linux":
        raise RuntimeError("there are wheels for Linux alone")
    machine = platform.machine()
    return f"https://files.example/wheels/thing-1.2-{tag}-{tag}-linux_{machine}.whl"


class Chat(fal.App):
    machine_type = "GPU-A100"
    requirements = ["torch==2.5.0", wheel()]
#: requirements = ["torch==2.5.0", "https://files.example/wheels/thing-1.2-cp311-cp311-linux_x86_64.whl"]
#: machine_type = ["GPU-A100"]
#: late = true
