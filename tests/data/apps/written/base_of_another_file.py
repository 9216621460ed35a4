import fal
from bases import GpuApp


class Chat(GpuApp):
    requirements = ["torch"]
#: requirements = ["torch"]
#: warnings = ["written.py:5: `Chat` derives from `bases.GpuApp`, which another file defines: what it inherits from there is not read"]
