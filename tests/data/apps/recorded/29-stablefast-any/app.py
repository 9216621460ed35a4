import fal


@fal.function(
    requirements=[
        "accelerate==0.24.1",
        "diffusers==0.24.0",
        "torch==2.1.1",
        "transformers>=4.35",
        "xformers>=0.0.22",
        "triton>=2.1.0",
        "https://github.com/chengzeyi/stable-fast/releases/download/v1.0.0/stable_fast-1.0.0+torch211cu121-cp311-cp311-manylinux2014_x86_64.whl",
        "--extra-index-url",
        "https://download.pytorch.org/whl/cu121",
    ],
    machine_type="GPU",
    keep_alive=60,
)
def stablefast_any(prompt: str = "") -> str:
    """One answer for one prompt."""
    import torch

    return f"{torch.__version__} {prompt}"
