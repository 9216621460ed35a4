import fal
from fal.container import ContainerImage

CONTAINER = ContainerImage.from_dockerfile_str("FROM python:3.11-slim\nRUN apt-get update")


@fal.function(
    image=CONTAINER,
    machine_type="GPU-H100",
    num_gpus=1,
    keep_alive=60,
)
def serve(prompt: str = "") -> str:
    """Runs once."""
    import torch

    return f"{torch.__version__} {prompt}"
