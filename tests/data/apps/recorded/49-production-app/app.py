from typing import ClassVar
import fal


class ProductionApp(fal.App):
    """Loads once, then serves."""

    requirements = [
        "hf-transfer==0.1.9",
        "diffusers[torch]==0.32.2",
        "torch==2.10.0",
        "transformers[sentencepiece]==4.51.0",
        "accelerate==1.6.0",
        "opentelemetry-sdk==1.41.0",
        "opentelemetry-exporter-otlp-proto-http==1.41.0",
    ]
    machine_type: ClassVar[str | list[str]] = "GPU-A100"

    async def setup(self) -> None:
        import os

        os.environ["HF_HUB_ENABLE_HF_TRANSFER"] = "1"
        self.state = {}

    @fal.endpoint("/health")
    def health(self) -> dict[str, str]:
        return {"status": "ok"}
