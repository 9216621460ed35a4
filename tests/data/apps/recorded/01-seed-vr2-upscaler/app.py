from typing import ClassVar
import fal


class SeedVR2Upscaler(fal.App):
    """Loads once, then serves."""

    requirements = [
        "torch==2.6.0",
        "torchvision==2.21.0",
        "torchaudio==2.6.0",
        "opencv-python-headless==4.10.0.84",
        "numpy>=1.26.4",
        "safetensors>=0.4.5",
        "einops",
        "omegaconf>=2.3.0",
        "diffusers>=0.34.0",
        "pytorch-extension",
        "rotary_embedding_torch",
        "peft>=0.15.0",
        "transformers>=4.46.3",
        "accelerate>=1.1.1",
        "huggingface-hub>=0.26.2",
    ]
    machine_type: ClassVar[str | list[str]] = "GPU-A100-40GB"

    def setup(self):
        self.ready = True

    @fal.endpoint("/")
    def run(self, prompt: str) -> dict:
        return {"text": prompt}
