from typing import ClassVar
import fal


class Kokoro(fal.App, keep_alive=300, max_concurrency=4, min_concurrency=0, name="kokoro"):
    """Loads once, then serves."""

    machine_type: ClassVar[str | list[str]] = "L"
    requirements = [
        "kokoro==0.8.4",
        "soundfile==0.13.1",
        "misaki[en]==0.8.4",
        "misaki[ja]==0.8.4",
        "misaki[zh]==0.8.4",
        "numpy==1.26.4",
        "https://github.com/explosion/spacy-models/releases/download/en_core_web_sm-3.8.0/en_core_web_sm-3.8.0-py3-none-any.whl",
    ]

    def setup(self):
        import torch

        self.device = torch.device("cuda")

    @fal.endpoint("/generate")
    def generate(self, steps: int = 4) -> int:
        return steps
