import fal
from fal.container import ContainerImage

CONTAINER = ContainerImage.from_dockerfile_str("FROM python:3.11-slim\nRUN apt-get update")


class Trellis2Fal(fal.App, image=CONTAINER, keep_alive=300, kind="container", max_concurrency=4, min_concurrency=0, name="trellis2-fal"):
    """Serves one model."""

    machine_type = "GPU-H100"

    async def setup(self) -> None:
        import os

        os.environ["HF_HUB_ENABLE_HF_TRANSFER"] = "1"
        self.state = {}

    @fal.endpoint("/health")
    def health(self) -> dict[str, str]:
        return {"status": "ok"}
