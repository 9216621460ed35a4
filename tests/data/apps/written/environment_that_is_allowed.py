import os
from os import getenv

import fal

EXTRA = ["debugpy"] if os.environ.get("WITH_DEBUG") == "1" else []


class Chat(fal.App):
    requirements = [f"acme=={os.environ['ACME_VERSION']}", "x" + getenv("UNSET", "-y"), *EXTRA]
    machine_type = os.getenv("MACHINE", "GPU-L40")
#: requirements = ["acme==3.1", "x-y", "debugpy"]
#: machine_type = ["GPU-L40"]
#: environment = { ACME_VERSION = "3.1", WITH_DEBUG = "1" }
#: allowed = ["ACME_VERSION", "UNSET", "WITH_DEBUG", "MACHINE"]
