from typing import ClassVar
import fal


class FluxPreprocessorApp(fal.App):
    """Loads once, then serves."""

    requirements = [
        "torch==2.4.0",
        "torchvision",
        "diffusers==0.30.3",
        "transformers==4.46.0",
        "tokenizers==0.20.1",
        "sentencepiece",
        "accelerate==1.4.0",
        "pyzmq==26.0.0",
        "huggingface_hub==0.26.5",
        "moondream==0.0.5",
        "einops",
        "pillow>=10.0.0",
        "timm",
    ]
    machine_type: ClassVar[str | list[str]] = "GPU-H100"
    num_gpus = 2

    def setup(self):
        self.ready = True

    @fal.endpoint("/")
    def run(self, prompt: str) -> dict:
        return {"text": prompt}
