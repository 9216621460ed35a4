import fal
from fal.container import ContainerImage

CONTAINER = ContainerImage.from_dockerfile_str("FROM python:3.11-slim\nRUN apt-get update")


class ScopeApp(fal.App, keep_alive=300):
    """Serves one model."""

    requirements = [
        "requests",
        "httpx",
    ]
    image = CONTAINER
    machine_type = "GPU-H100"

    async def setup(self) -> None:
        import os

        os.environ["HF_HUB_ENABLE_HF_TRANSFER"] = "1"
        self.state = {}

    @fal.endpoint("/health")
    def health(self) -> dict[str, str]:
        return {"status": "ok"}
