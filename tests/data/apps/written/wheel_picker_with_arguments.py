import sys

import fal

BASE = "https://files.example/wheels"


def pick(name, version="1.0", *, abi=False, **tags):
    python = "{0}{1}".format(*sys.version_info[:2])
    end = "abi3" if abi else f"cp{python}"
    return f"{BASE}/{name}-{version}-cp{python}-{end}-{tags.get('platform', 'any')}.whl"


class Chat(fal.App):
    requirements = [pick("a"), pick("b", "2.0", abi=True, platform="linux_x86_64")]
#: requirements = ["https://files.example/wheels/a-1.0-cp311-cp311-any.whl", "https://files.example/wheels/b-2.0-cp311-abi3-linux_x86_64.whl"]
#: late = true
