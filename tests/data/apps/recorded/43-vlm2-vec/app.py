from typing import ClassVar
import fal

def get_flash_attn_wheel():
    """The wheel for the Python that this runs on."""
    import sys

    release = "https://github.com/Dao-AILab/flash-attention/releases/download/v2.7.2.post1/"
    minor = sys.version_info.minor
    wheels = {
        10: release + "flash_attn-2.7.2.post1+cu12torch2.5cxx11abiFALSE-cp310-cp310-linux_x86_64.whl",
        11: release + "flash_attn-2.7.2.post1+cu12torch2.5cxx11abiFALSE-cp311-cp311-linux_x86_64.whl",
        12: release + "flash_attn-2.7.2.post1+cu12torch2.5cxx11abiFALSE-cp312-cp312-linux_x86_64.whl",
    }
    if minor not in wheels:
        raise ValueError(f"there is no wheel for Python 3.{minor}")
    return wheels[minor]


class VLM2Vec(fal.App):
    """Serves one model."""

    machine_type: ClassVar[str | list[str]] = ["GPU-A100"]
    num_gpus = 1
    requirements = [
        "torch==2.5.1",
        "torchvision",
        "numpy==1.26.4",
        "transformers==4.52.3",
        "huggingface-hub>=0.20.0",
        "hf-transfer",
        "peft",
        "accelerate",
        "datasets",
        "scipy",
        "tqdm",
        "wandb",
        "pillow",
        "wrapt",
        "py-cpuinfo",
        "hjson",
        "scikit-learn",
        "scikit-image",
        "qwen_vl_utils",
        "ray",
        "timm",
        "sentencepiece",
        "opencv-python",
        "decord",
        "hnswlib",
        "einops",
        "ninja",
        "opencv-contrib-python",
        f"flash-attn @ {get_flash_attn_wheel()}",
        "qwen-vl-utils[decord]==0.0.8",
        "aiohttp",
    ]

    async def setup(self) -> None:
        import os

        os.environ["HF_HUB_ENABLE_HF_TRANSFER"] = "1"
        self.state = {}

    @fal.endpoint("/health")
    def health(self) -> dict[str, str]:
        return {"status": "ok"}
