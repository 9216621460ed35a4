import fal

REQUIREMENTS = [
    "fastapi==0.136.3",
    "uvicorn==0.54.0",
    "httpx[http2]==0.28.1",
    "pydantic==2.13.4",
    "websockets==17.1",
]


class AnnieBroker(fal.App, name="annie-broker", keep_alive=300):
    """Serves one model."""

    machine_type = "S"
    requirements = REQUIREMENTS

    def setup(self):
        import torch

        self.device = torch.device("cuda")

    @fal.endpoint("/generate")
    def generate(self, steps: int = 4) -> int:
        return steps
