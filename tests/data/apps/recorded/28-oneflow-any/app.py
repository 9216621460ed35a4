import fal


@fal.function(
    requirements=[
        "--pre",
        "torch>=2.1.0",
        "transformers>=4.27.1",
        "diffusers>=0.19.3",
        "git+https://github.com/Oneflow-Inc/onediff.git@0.11.3",
        "oneflow",
        "-f",
        "https://oneflow-pro.oss-cn-beijing.aliyuncs.com/branch/community/cu121",
    ],
    machine_type="GPU",
    keep_alive=60,
)
def oneflow_any(prompt: str = "") -> str:
    """Runs once."""
    import torch

    return f"{torch.__version__} {prompt}"
