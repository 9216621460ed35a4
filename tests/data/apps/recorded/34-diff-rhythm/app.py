import fal
from fal import ContainerImage

CONTAINER = ContainerImage.from_dockerfile_str("FROM python:3.11-slim\nRUN apt-get update")


class DiffRhythm(fal.App, image=CONTAINER, keep_alive=300, kind="container", max_concurrency=4, min_concurrency=0, name="diff-rhythm"):
    """Answers requests for one model."""

    machine_type = "GPU-H100"

    def setup(self):
        self.ready = True

    @fal.endpoint("/")
    def run(self, prompt: str) -> dict:
        return {"text": prompt}
