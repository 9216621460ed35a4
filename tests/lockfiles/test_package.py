import subprocess
import sys


def test_importing_loads_no_writer_no_solver_and_no_network() -> None:
    program = "import sys, lockfiles; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    unwanted = {"resolver", "tomli_w", "resolvelib", "httpx", "hishel", "rich", "pip", "socket", "ssl", "asyncio"}
    assert loaded & unwanted == set()
