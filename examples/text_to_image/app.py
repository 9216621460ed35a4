"""A text-to-image app, as a serverless GPU platform would run it.

`lock examples/text_to_image/app.py` reads the attributes of the class and never runs this file, so neither torch
nor a GPU is needed to lock it.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, ClassVar


class App:
    """Stands for the platform's own base class: it starts `setup` once, then calls `generate` for each request."""

    requirements: ClassVar[list[str]]
    machine_type: ClassVar[str]

    def setup(self) -> None:
        """Load what every request needs."""


class TextToImage(App):
    """Turns a prompt into a PNG with a distilled diffusion model, in a few steps."""

    requirements: ClassVar[list[str]] = [
        "torch==2.8.0",
        "diffusers==0.35.1",
        "transformers>=4.55,<5",
        "accelerate>=1.10",
        "safetensors>=0.6",
        "sentencepiece>=0.2",
        "huggingface-hub[hf-transfer]>=0.34,<1",
        "pillow>=11",
    ]
    machine_type = "GPU-A100"

    model = "stabilityai/sdxl-turbo"
    pipeline: Any

    def setup(self) -> None:
        """Load the model onto the GPU."""
        import torch
        from diffusers import AutoPipelineForText2Image

        self.pipeline = AutoPipelineForText2Image.from_pretrained(self.model, torch_dtype=torch.float16).to("cuda")

    def generate(self, prompt: str, *, steps: int = 2, seed: int = 0) -> bytes:
        """The image for a prompt, as PNG; the same seed gives the same image."""
        import torch

        generator = torch.Generator("cuda").manual_seed(seed)
        image = self.pipeline(prompt, num_inference_steps=steps, guidance_scale=0.0, generator=generator).images[0]
        buffer = BytesIO()
        image.save(buffer, format="PNG")
        return buffer.getvalue()
