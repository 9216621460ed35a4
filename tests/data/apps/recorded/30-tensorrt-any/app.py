import fal


@fal.function(
    requirements=[
        "--pre",
        "accelerate==0.24.1",
        "colored",
        "controlnet_aux==0.0.6",
        "cuda-python",
        "diffusers==0.19.3",
        "ftfy",
        "matplotlib",
        "nvtx",
        "onnx-graphsurgeon",
        "onnx==1.14.0",
        "onnxruntime==1.15.1",
        "polygraphy==0.47.1",
        "scipy",
        "tensorrt==9.0.1.post12.dev4",
        "torch==2.1",
        "transformers==4.31.0",
        "--extra-index-url",
        "https://pypi.nvidia.com",
        "--extra-index-url",
        "https://pypi.ngc.nvidia.com",
    ],
    machine_type="GPU",
)
def tensorrt_any(prompt: str = "") -> str:
    """One answer for one prompt."""
    import torch

    return f"{torch.__version__} {prompt}"
