import fal


@fal.function(
    requirements=[
        "torch==2.1.0",
        "torchsde",
        "einops",
        "transformers>=4.25.1",
        "safetensors>=0.3.0",
        "aiohttp",
        "accelerate",
        "pyyaml",
        "Pillow",
        "scipy",
        "tqdm",
        "psutil",
        "torchvision",
        "huggingface_hub",
        "accelerate==0.24.1",
        "xformers==0.0.22.post7",
    ],
    machine_type="GPU",
)
def comfy_sdxl(prompt: str = "") -> str:
    """One answer for one prompt."""
    import torch

    return f"{torch.__version__} {prompt}"
