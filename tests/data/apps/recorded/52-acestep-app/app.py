import fal


class ACEStepApp(fal.App, name="acestep-app", keep_alive=300):
    """Loads once, then serves."""

    requirements = [
        "fal",
        "torchaudio",
    ]
    machine_type = "GPU-A100"

    async def setup(self) -> None:
        import os

        os.environ["HF_HUB_ENABLE_HF_TRANSFER"] = "1"
        self.state = {}

    @fal.endpoint("/health")
    def health(self) -> dict[str, str]:
        return {"status": "ok"}
