import fal
from fal.container import ContainerImage

CONTAINER = ContainerImage.from_dockerfile_str("FROM python:3.11-slim\nRUN apt-get update")


class LivepeerScopeApp(fal.App, keep_alive=300):
    """Loads once, then serves."""

    image = CONTAINER
    machine_type = "GPU-H100"
    requirements = [
        "websockets",
        "httpx",
        "aiokafka",
    ]

    def setup(self):
        self.ready = True

    @fal.endpoint("/")
    def run(self, prompt: str) -> dict:
        return {"text": prompt}
