import fal
from fal.container import ContainerImage

CONTAINER = ContainerImage.from_dockerfile_str("FROM python:3.11-slim\nRUN apt-get update")


class ShelfAlignVision(fal.App):
    """Answers requests for one model."""

    image = CONTAINER
    machine_type = "GPU-RTX4090"

    def setup(self):
        self.ready = True

    @fal.endpoint("/")
    def run(self, prompt: str) -> dict:
        return {"text": prompt}
