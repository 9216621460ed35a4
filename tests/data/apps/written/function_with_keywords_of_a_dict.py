import fal

ON_GPU = {"machine_type": "GPU-H100", "requirements": ["torch"]}


@fal.function(**ON_GPU)
def work():
    pass
#: requirements = ["torch"]
#: machine_type = ["GPU-H100"]
