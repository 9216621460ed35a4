import fal


class XFuserApp(fal.App, keep_alive=300):
    """Serves one model."""

    machine_type = "GPU-H100"
    num_gpus = 2
    requirements = [
        "torch>=2.6.0",
        "torchvision>=0.21.0",
        "diffusers>=0.28.2",
        "transformers>=4.47.2,<4.52.0",
        "accelerate>=1.4.0",
        "pyzmq>=25.0.0",
        "ray>=2.0.0",
        "Pillow>=9.0.0",
        "opencv-python>=4.9.0.80",
        "fastapi>=0.100.0",
        "httpx>=0.24.0",
        "pydantic>=1.8,<2.0",
        "uvicorn>=0.20.0",
        "xfuser>=0.3.0",
        "sentencepiece",
        "protobuf",
    ]

    def setup(self):
        self.ready = True

    @fal.endpoint("/")
    def run(self, prompt: str) -> dict:
        return {"text": prompt}
