import fal


class UniRig(fal.App):
    """Serves one model."""

    requirements = [
        "flash-attn>=2.5.0",
        "packaging",
        "ninja",
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
        "torch_scatter",
        "torch_cluster",
        "spconv-cu124>=2.3.0",
        "--extra-index-url",
        "https://download.pytorch.org/whl/cu124",
        "--extra-index-url",
        "https://data.pyg.org/whl/torch-2.5.0+cu124.html",
    ]
    machine_type = "GPU-A100"
    num_gpus = 1

    def setup(self):
        import torch

        self.device = torch.device("cuda")

    @fal.endpoint("/generate")
    def generate(self, steps: int = 4) -> int:
        return steps
