import fal as platform_package

TORCH, CUDA = "2.8.0", 129


class Painter(platform_package.App):
    requirements = [
        f"torch=={TORCH}",
        "--extra-index-url",
        f"https://download.pytorch.org/whl/cu{CUDA:d}",
        f"numpy{'>=2' if CUDA > 126 else '<2'}",
    ]
#: requirements = ["torch==2.8.0", "--extra-index-url", "https://download.pytorch.org/whl/cu129", "numpy>=2"]
#: lines = [8, 9, 10, 11]
#: default_machine = "S"
