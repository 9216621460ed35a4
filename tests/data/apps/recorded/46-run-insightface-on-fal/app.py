import fal


@fal.function(
    resolver="uv",
    requirements=[
        "Pillow==10.3.0",
        "torch==2.2.2",
        "numpy==1.26.4",
        "opencv-python==4.9.0.80",
        "git+https://github.com/badayvedat/insightface.git@1ffa3405eedcfe4193c3113affcbfc294d0e684f#subdirectory=python-package",
        "opencv-python",
        "onnxruntime",
        "safetensors",
    ],
    machine_type="L",
    keep_alive=60,
)
def run_insightface_on_fal(prompt: str = "") -> str:
    """Runs once."""
    import torch

    return f"{torch.__version__} {prompt}"
