import fal


class RobotEpisodeLabeler(fal.App, name="robot-episode-labeler", keep_alive=300):
    """Serves one model."""

    requirements = [
        "google-genai>=1.0.0",
        "pillow>=10.4",
        "pydantic>=2.9",
        "imageio-ffmpeg>=0.5",
    ]
    machine_type = "S"

    def setup(self):
        import torch

        self.device = torch.device("cuda")

    @fal.endpoint("/generate")
    def generate(self, steps: int = 4) -> int:
        return steps
