import fal
from fal.container import ContainerImage

CONTAINER = ContainerImage.from_dockerfile_str("FROM python:3.11-slim\nRUN apt-get update")


class CarValidationApp(fal.App):
    """Serves one model."""

    image = CONTAINER
    machine_type = ["GPU-RTX5090"]
    requirements = [
        [
            "--index-url",
            "https://download.pytorch.org/whl/cu129",
            "torch==2.8.0",
            "torchvision==0.23.0",
        ],
        [
            "onnxruntime-gpu==1.19.2",
            "opencv-python-headless==4.10.0.84",
            "pillow==10.4.0",
            "numpy==1.26.4",
        ],
    ]

    def setup(self):
        self.ready = True

    @fal.endpoint("/")
    def run(self, prompt: str) -> dict:
        return {"text": prompt}
