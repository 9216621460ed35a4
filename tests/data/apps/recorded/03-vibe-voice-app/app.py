import fal
from fal.container import ContainerImage

CONTAINER = ContainerImage.from_dockerfile_str("FROM python:3.11-slim\nRUN apt-get update")


class VibeVoiceApp(fal.App, image=CONTAINER, keep_alive=300, kind="container", name="vibe-voice-app", startup_timeout=1200):
    """Answers requests for one model."""

    machine_type = "GPU-A100"

    async def setup(self) -> None:
        import os

        os.environ["HF_HUB_ENABLE_HF_TRANSFER"] = "1"
        self.state = {}

    @fal.endpoint("/health")
    def health(self) -> dict[str, str]:
        return {"status": "ok"}
