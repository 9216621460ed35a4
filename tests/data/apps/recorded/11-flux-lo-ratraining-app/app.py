import fal


class FluxLoRATrainingApp(fal.App):
    """Loads once, then serves."""

    requirements = [
        "torch==2.4.0",
        "diffusers==0.30.3",
        "transformers==4.46.0",
        "tokenizers==0.20.1",
        "sentencepiece",
        "peft==0.12.0",
        "safetensors==0.4.4",
        "accelerate==1.4.0",
        "pyzmq==26.0.0",
        "huggingface_hub==0.26.5",
        "fal-client",
    ]
    machine_type = "GPU-H100"
    num_gpus = 2

    async def setup(self) -> None:
        import os

        os.environ["HF_HUB_ENABLE_HF_TRANSFER"] = "1"
        self.state = {}

    @fal.endpoint("/health")
    def health(self) -> dict[str, str]:
        return {"status": "ok"}
