import fal

COMMON = ["pydantic>=2", "httpx"]


class Writer(fal.App):
    machine_type = "M"
    requirements = COMMON + ["rich==13.9.4"]
#: requirements = ["pydantic>=2", "httpx", "rich==13.9.4"]
#: lines = [3, 3, 8]
#: machine_type = ["M"]
