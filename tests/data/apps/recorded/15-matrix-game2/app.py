import fal


class MatrixGame2(fal.App):
    """Loads once, then serves."""

    machine_type = "GPU-H100"
    requirements = [
        "accelerate>=1.1.1",
        "aiortc",
        "av",
        "dashscope",
        "diffusers",
        "dominate",
        "easydict",
        "einops",
        "flask",
        "flask-socketio",
        "ftfy",
        "git+https://github.com/openai/CLIP.git",
        "huggingface-hub[cli]",
        "imageio",
        "imageio-ffmpeg",
        "lmdb",
        "matplotlib",
        "nvidia-tensorrt",
        "numpy",
        "omegaconf",
        "onnx",
        "onnxconverter_common",
        "onnxruntime",
        "onnxscript",
        "open_clip_torch",
        "opencv-python>=4.9.0.80",
        "pydantic",
        "pycocotools",
        "safetensors",
        "scikit-image",
        "sentencepiece",
        "starlette",
        "tokenizers>=0.20.3",
        "torch==2.6.0",
        "torchao==0.12.0",
        "torchvision",
        "tqdm",
        "transformers>=4.49.0",
        "wandb",
        "https://github.com/Dao-AILab/flash-attention/releases/download/v2.7.4.post1/flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-cp311-cp311-linux_x86_64.whl",
    ]

    async def setup(self) -> None:
        import os

        os.environ["HF_HUB_ENABLE_HF_TRANSFER"] = "1"
        self.state = {}

    @fal.endpoint("/health")
    def health(self) -> dict[str, str]:
        return {"status": "ok"}
