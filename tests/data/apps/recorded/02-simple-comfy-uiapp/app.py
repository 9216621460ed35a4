import fal
from fal import ContainerImage

CONTAINER = ContainerImage.from_dockerfile_str("FROM python:3.11-slim\nRUN apt-get update")


class SimpleComfyUIApp(fal.App, image=CONTAINER, kind="container", machine_type="fal-ai/h100-40gb"):
    """Serves one model."""


    def setup(self):
        self.ready = True

    @fal.endpoint("/")
    def run(self, prompt: str) -> dict:
        return {"text": prompt}
