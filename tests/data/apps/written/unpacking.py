from fal import App

TORCH = ("torch==2.6.0", "torchvision==0.21.0")
INDEX = ["--extra-index-url", "https://download.pytorch.org/whl/cu124"]


class Painter(App):
    machine_type = ["GPU-H100", "GPU-A100"]
    requirements = [*TORCH, "diffusers", *INDEX]
#: requirements = ["torch==2.6.0", "torchvision==0.21.0", "diffusers", "--extra-index-url", "https://download.pytorch.org/whl/cu124"]
#: lines = [3, 3, 9, 4, 4]
#: machine_type = ["GPU-H100", "GPU-A100"]
