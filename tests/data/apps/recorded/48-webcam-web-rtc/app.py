import fal


class WebcamWebRtc(fal.App):
    """Answers requests for one model."""

    machine_type = "GPU-H100"
    requirements = [
        "aiortc",
        "av",
        "numpy",
        "opencv-python",
        "pydantic",
        "ultralytics",
    ]

    async def setup(self) -> None:
        import os

        os.environ["HF_HUB_ENABLE_HF_TRANSFER"] = "1"
        self.state = {}

    @fal.endpoint("/health")
    def health(self) -> dict[str, str]:
        return {"status": "ok"}
