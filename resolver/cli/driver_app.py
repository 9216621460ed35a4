"""A small app that tells which driver a machine has: the one fact about it that no platform publishes."""

from __future__ import annotations

__all__ = ["render_driver_app"]

_APP = '''\
"""Tells the NVIDIA driver of the machine that it runs on, and the line that makes pinfold lock for it.

Save it as driver.py, run it on the platform (`fal run driver.py::Driver`) and ask it once. On any machine with a GPU,
`python driver.py` does the same.
"""

import subprocess

try:
    import fal
except ImportError:  # Not on the platform: see the last lines.
    fal = None


def read_driver() -> dict[str, str]:
    query = ["nvidia-smi", "--query-gpu=driver_version,name,compute_cap", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, check=True).stdout
    driver, gpu, capability = (part.strip() for part in answer.splitlines()[0].split(","))
    return {"driver": driver, "gpu": gpu, "capability": capability, "[tool.pinfold]": f'driver = "{driver}"'}


if fal is not None:

    class Driver(fal.App):
        machine_type = "MACHINE"
        requirements = []

        @fal.endpoint("/")
        def driver(self) -> dict[str, str]:
            return read_driver()


if __name__ == "__main__":
    print(read_driver())

# What it answers goes into pyproject.toml, with the driver that it found:
#
#     [tool.pinfold]
#     driver = "570.133.20"
#
# or, where machine types have different ones, for each:
#
#     [[tool.pinfold.machines]]
#     name = "MACHINE"
#     gpu = "GPU-NAME"
#     driver = "570.133.20"
'''


def render_driver_app(*, machine: str, gpu: str, driver: str) -> str:
    """The app for a machine type, as the text of a Python file that ends with what to paste.

    `gpu` is the name of its GPU, `driver` the one that is assumed until the app has answered.
    """
    return _APP.replace("MACHINE", machine).replace("GPU-NAME", gpu).replace("570.133.20", driver)
