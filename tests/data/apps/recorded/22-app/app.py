from fal_serverless import isolated

REPOSITORY = "https://github.com/geekyutao/Inpaint-Anything.git"

requirements = [
    "flask",
    "torch",
    "torchvision",
    "torchaudio",
    "diffusers",
    "transformers",
    "accelerate",
    "scipy",
    "safetensors",
    "opencv-python",
    "matplotlib",
    f"git+{REPOSITORY}#egg=segment_anything&subdirectory=segment_anything",
    "pyyaml",
    "tqdm",
    "easydict==1.9.0",
    "scikit-learn==0.24.2",
    "tensorflow",
    "joblib",
    "pandas",
    "albumentations==0.5.2",
    "hydra-core==1.1.0",
    "pytorch-lightning==1.2.9",
    "tabulate",
    "kornia==0.5.0",
    "webdataset",
    "packaging",
    "google-cloud-storage",
]


@isolated(
    requirements=requirements,
    machine_type="GPU",
)
def app(prompt: str = "") -> str:
    """Runs once."""
    import torch

    return f"{torch.__version__} {prompt}"
