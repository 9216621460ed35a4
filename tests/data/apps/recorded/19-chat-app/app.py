from fal_serverless import isolated

requirements = [
    "fal_serverless",
    "transformers",
    "sentencepiece",
    "accelerate",
    "torch==2.0",
    "numpy",
    "tokenizers>=0.12.1",
    "fastapi",
    "uvicorn",
]


@isolated(
    requirements=requirements,
    machine_type="GPU",
)
def chat_app(prompt: str = "") -> str:
    """Runs once."""
    import torch

    return f"{torch.__version__} {prompt}"
