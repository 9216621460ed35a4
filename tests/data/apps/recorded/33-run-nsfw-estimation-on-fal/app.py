import fal

from .env import get_requirements


@fal.function(
    requirements=get_requirements(),
    machine_type="GPU-A6000",
    keep_alive=600,
)
def run_nsfw_estimation_on_fal(prompt: str = "") -> str:
    """Runs once."""
    import torch

    return f"{torch.__version__} {prompt}"
