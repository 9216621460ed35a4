import fal

FAST = False


class Chat(fal.App):
    requirements = ["transformers"] + (["flash-attn"] if FAST else ["sdpa"])
    machine_type = "GPU-A100" if FAST else "L"
#: requirements = ["transformers", "sdpa"]
#: machine_type = ["L"]
