import fal

BUILD = ["setuptools", "wheel"]


class Chat(fal.App):
    requirements = [BUILD, ["numpy==1.24.0"], ["flash-attn", "--no-build-isolation"]]
#: requirements = [["setuptools", "wheel"], ["numpy==1.24.0"], ["flash-attn", "--no-build-isolation"]]
