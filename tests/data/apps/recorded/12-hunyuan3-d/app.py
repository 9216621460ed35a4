import fal


class Hunyuan3D(fal.App, max_concurrency=4, max_multiplexing=8, min_concurrency=0, name="hunyuan3-d"):
    """Answers requests for one model."""

    machine_type = "M"
    requirements = [
        "fal-client",
    ]

    def setup(self):
        self.ready = True

    @fal.endpoint("/")
    def run(self, prompt: str) -> dict:
        return {"text": prompt}
