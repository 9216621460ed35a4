import fal
from fal import ContainerImage

CONTAINER = ContainerImage.from_dockerfile_str("FROM python:3.11-slim\nRUN apt-get update")


class VantageVeoConverter(fal.App, kind="container", image=CONTAINER, keep_alive=300, machine_type="GPU-A100", min_concurrency=0, max_concurrency=4):
    """Loads once, then serves."""


    def setup(self):
        self.ready = True

    @fal.endpoint("/")
    def run(self, prompt: str) -> dict:
        return {"text": prompt}
