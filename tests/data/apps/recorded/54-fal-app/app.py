import fal

MACHINE = "M"


class FalApp(fal.App, name="fal-app", keep_alive=300, min_concurrency=0, max_concurrency=4):
    """Loads once, then serves."""

    machine_type = MACHINE
    requirements = [
        "Pillow",
    ]

    def setup(self):
        self.ready = True

    @fal.endpoint("/")
    def run(self, prompt: str) -> dict:
        return {"text": prompt}
