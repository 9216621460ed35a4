import fal

PINS = {"torch": "2.6.0", "numpy": "1.26.4"}
MACHINES = {"big": ["GPU-H100"], "small": "S"}


class Chat(fal.App):
    requirements = [f"{name}=={PINS[name]}" for name in ("torch", "numpy")]
    machine_type = MACHINES["big"]
#: requirements = ["torch==2.6.0", "numpy==1.26.4"]
#: lines = [8, 8]
#: machine_type = ["GPU-H100"]
