import fal


@fal.function(
    resolver="uv",
    requirements=[
        "Pillow==10.3.0",
        "torch==2.2.2",
        "numpy==1.26.4",
        "opencv-python==4.9.0.80",
        "kornia==0.7.2",
        "scikit-image==0.23.1",
        "scikit-learn==1.4.2",
    ],
    machine_type="L",
)
def run_teed_on_fal(prompt: str = "") -> str:
    """One answer for one prompt."""
    import torch

    return f"{torch.__version__} {prompt}"
