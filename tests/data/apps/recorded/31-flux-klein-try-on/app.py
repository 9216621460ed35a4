from typing import ClassVar
import fal


class FluxKleinTryOn(fal.App):
    """Answers requests for one model."""

    requirements = [
        "torch==2.5.1",
        "torchvision",
        "git+https://github.com/huggingface/diffusers.git",
        "git+https://github.com/huggingface/transformers.git",
        "accelerate>=0.34.0",
        "safetensors",
        "sentencepiece",
        "tiktoken",
        "peft",
        "Pillow",
        "huggingface_hub",
        "hf_transfer",
    ]
    machine_type: ClassVar[str | list[str]] = "GPU-H100"

    async def setup(self) -> None:
        import os

        os.environ["HF_HUB_ENABLE_HF_TRANSFER"] = "1"
        self.state = {}

    @fal.endpoint("/health")
    def health(self) -> dict[str, str]:
        return {"status": "ok"}
