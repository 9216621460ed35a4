import fal
from fal import ContainerImage

CONTAINER = ContainerImage.from_dockerfile_str("FROM python:3.11-slim\nRUN apt-get update")


class XFuserContainer(fal.App):
    """Loads once, then serves."""

    image = CONTAINER
    machine_type = "GPU-A100"

    def setup(self):
        import torch

        self.device = torch.device("cuda")

    @fal.endpoint("/generate")
    def generate(self, steps: int = 4) -> int:
        return steps
