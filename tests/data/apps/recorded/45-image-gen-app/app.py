import fal


class ImageGenApp(fal.App, keep_alive=300, name="image-gen-app"):
    """Answers requests for one model."""

    machine_type = "GPU-H100"
    requirements = [
        "hf-transfer==0.1.9",
        "transformers[sentencepiece]==4.51.0",
        "accelerate==1.6.0",
        "git+https://github.com/dorukbulut/flux-nag-pag.git",
        "huggingface-hub==0.33.2",
        "numpy==2.3.1",
        "torchvision==0.22.1",
    ]

    def setup(self):
        self.ready = True

    @fal.endpoint("/")
    def run(self, prompt: str) -> dict:
        return {"text": prompt}
