import os
from pathlib import Path

import fal
from wandml.services.fal.utils import get_requirements

BASE_LIST = os.path.abspath("requirements.txt")
MORE = os.path.abspath("scripts/more_requirements.txt")


@fal.function(
    machine_type="GPU-H100",
    requirements=get_requirements(BASE_LIST, MORE),
    local_python_modules=["scripts"],
)
def run_training_on_fal(prompt: str = "") -> str:
    """One answer for one prompt."""
    import torch

    return f"{torch.__version__} {prompt}"
