import fal

PINS = dict(torch="2.6.0", numpy="1.26.4") | {"einops": "0.8.1"}


class Chat(fal.App):
    requirements = ["==".join(pair) for pair in PINS.items()]
#: requirements = ["torch==2.6.0", "numpy==1.26.4", "einops==0.8.1"]
#: default_machine = "S"
