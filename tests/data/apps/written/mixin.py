import fal


class Fast:
    machine_type = "GPU-H100"
    requirements = ["flash-attn"]


class Chat(Fast, fal.App):
    requirements = Fast.requirements + ["torch"]
#: requirements = ["flash-attn", "torch"]
#: machine_type = ["GPU-H100"]
