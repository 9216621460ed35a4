import fal
from fal import ContainerImage

CONTAINER = ContainerImage.from_dockerfile_str("FROM python:3.11-slim\nRUN apt-get update")


@fal.function(
    image=CONTAINER,
    machine_type="GPU-RTX5090",
    keep_alive=60,
)
def postprocessing(prompt: str = "") -> str:
    """One answer for one prompt."""
    import torch

    return f"{torch.__version__} {prompt}"
