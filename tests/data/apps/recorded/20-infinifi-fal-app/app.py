import fal


class InfinifiFalApp(fal.App, keep_alive=300):
    """Loads once, then serves."""

    machine_type = "GPU-A6000"
    requirements = [
        "torch==2.1.0",
        "audiocraft==1.3.0",
        "torchaudio==2.1.0",
        "websockets==11.0.3",
        "numpy==1.26.4",
    ]

    def setup(self):
        import torch

        self.device = torch.device("cuda")

    @fal.endpoint("/generate")
    def generate(self, steps: int = 4) -> int:
        return steps
