import fal


@fal.function(
    requirements=[
        "accelerate==0.24.1",
        "diffusers==0.22.0",
        "torch==2.1.0",
        "transformers==4.35.0",
        "xformers==0.0.22.post7",
        "git+https://github.com/openai/consistencydecoder.git@22a0449022f17a2d7bfc69535e8e8f3ff0585ecb",
    ],
    machine_type="GPU",
)
def diffusers_consistency_decoder(prompt: str = "") -> str:
    """One answer for one prompt."""
    import torch

    return f"{torch.__version__} {prompt}"
