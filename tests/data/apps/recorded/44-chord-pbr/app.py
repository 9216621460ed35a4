from typing import ClassVar
import fal


class ChordPBR(fal.App):
    """Loads once, then serves."""

    machine_type: ClassVar[str | list[str]] = "GPU-A100"
    requirements = [
        "torch",
        "torchvision",
        "huggingface_hub[hf_xet]",
        "diffusers==0.35.2",
        "transformers==4.57.1",
        "tokenizers==0.22.1",
        "omegaconf",
        "imageio",
        "pillow",
        "requests",
        "safetensors",
    ]

    async def setup(self) -> None:
        import os

        os.environ["HF_HUB_ENABLE_HF_TRANSFER"] = "1"
        self.state = {}

    @fal.endpoint("/health")
    def health(self) -> dict[str, str]:
        return {"status": "ok"}
