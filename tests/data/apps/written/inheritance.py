import fal


class Base(fal.App):
    requirements = ["torch"]
    machine_type = "GPU-A100"


class Middle(Base, python_version="3.12"):
    num_gpus = 2


class Leaf(Middle):
    requirements = [*Base.requirements, "numpy"]
#: app = "Leaf"
#: requirements = ["torch", "numpy"]
#: machine_type = ["GPU-A100"]
#: python = "3.12"
#: num_gpus = 2
