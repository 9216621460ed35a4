from typing import ClassVar
import fal


class UniRig(fal.App, name="uni-rig", min_concurrency=0, max_concurrency=4, keep_alive=300, startup_timeout=1200, request_timeout=3600):
    """Serves one model."""

    requirements = [
        "torch==2.5.1+cu124",
        "torchvision==0.20.1+cu124",
        "transformers==4.51.3",
        "huggingface_hub>=0.20.0",
        "lightning>=2.0.0",
        "pytorch_lightning>=2.0.0",
        "https://github.com/Dao-AILab/flash-attention/releases/download/v2.8.3/flash_attn-2.8.3+cu12torch2.5cxx11abiFALSE-cp311-cp311-linux_x86_64.whl",
        "trimesh>=4.0.0",
        "open3d>=0.18.0",
        "fast-simplification>=0.1.0",
        "pyrender>=0.1.45",
        "bpy==4.2",
        "python-box>=7.0.0",
        "einops>=0.7.0",
        "omegaconf>=2.3.0",
        "addict>=2.4.0",
        "timm>=0.9.0",
        "scipy>=1.10.0",
        "numpy>=1.24.0,<2.0",
        "wandb>=0.16.0",
        "requests>=2.28.0",
        "PyYAML>=6.0",
        "psutil>=5.9.0",
        "https://data.pyg.org/whl/torch-2.5.0%2Bcu124/torch_cluster-1.6.3%2Bpt25cu124-cp311-cp311-linux_x86_64.whl",
        "https://data.pyg.org/whl/torch-2.5.0%2Bcu124/torch_scatter-2.1.2%2Bpt25cu124-cp311-cp311-linux_x86_64.whl",
        "spconv-cu124>=2.3.0",
        "--extra-index-url",
        "https://download.pytorch.org/whl/cu124",
    ]
    machine_type: ClassVar[str | list[str]] = "GPU-A100"
    num_gpus = 1

    async def setup(self) -> None:
        import os

        os.environ["HF_HUB_ENABLE_HF_TRANSFER"] = "1"
        self.state = {}

    @fal.endpoint("/health")
    def health(self) -> dict[str, str]:
        return {"status": "ok"}
