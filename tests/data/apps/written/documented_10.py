import platform
import sys

import fal

BASE = "https://files.example/wheels"


def get_package_wheel():
    """The wheel for the Python and the machine that the image has."""
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    system = platform.system().lower()
    if system == "linux":
        return f"{BASE}/mypackage-1.0.0-{python}-{python}-linux_{platform.machine()}.whl"
    return f"{BASE}/mypackage-1.0.0-py3-none-any.whl"



class Example(fal.App):
    requirements = [
        "torch==2.5.0",
        get_package_wheel(),
    ]
#: requirements = ["torch==2.5.0", "https://files.example/wheels/mypackage-1.0.0-cp311-cp311-linux_x86_64.whl"]
#: late = true
