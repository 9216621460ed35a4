import fal


class BeengaImage(fal.App, keep_alive=300, name="beenga-image"):
    """Loads once, then serves."""

    requirements = [
        "torch==2.6.0",
        "torchvision",
        "diffusers>=0.36",
        "transformers>=4.48",
        "accelerate",
        "safetensors",
        "sentencepiece",
        "protobuf",
        "peft",
        "pillow",
        "huggingface_hub",
        "--extra-index-url",
        "https://download.pytorch.org/whl/cu124",
    ]
    machine_type = "GPU-L40"

    def setup(self):
        import torch

        self.device = torch.device("cuda")

    @fal.endpoint("/generate")
    def generate(self, steps: int = 4) -> int:
        return steps
