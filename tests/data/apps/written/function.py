import fal

VERSION = "3.10"


@fal.function(
    "virtualenv",
    requirements=["torch==2.2.2", "Pillow"],
    machine_type=["GPU-A100", "GPU-L40"],
    python_version=VERSION,
    num_gpus=1,
)
def infer(prompt: str) -> str:
    return prompt
#: app = "infer"
#: requirements = ["torch==2.2.2", "Pillow"]
#: machine_type = ["GPU-A100", "GPU-L40"]
#: python = "3.10"
#: num_gpus = 1
