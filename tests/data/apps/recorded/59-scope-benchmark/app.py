from typing import ClassVar
import fal
from fal import ContainerImage

CONTAINER = ContainerImage.from_dockerfile_str("FROM python:3.11-slim\nRUN apt-get update")


class ScopeBenchmark(fal.App):
    """Serves one model."""

    image = CONTAINER
    machine_type: ClassVar[str | list[str]] = "GPU-H100"
    requirements = [
        "requests",
    ]

    async def setup(self) -> None:
        import os

        os.environ["HF_HUB_ENABLE_HF_TRANSFER"] = "1"
        self.state = {}

    @fal.endpoint("/health")
    def health(self) -> dict[str, str]:
        return {"status": "ok"}
