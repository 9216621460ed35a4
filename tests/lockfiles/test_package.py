import subprocess
import sys

import lockfiles


def test_the_public_names_are_these() -> None:
    assert lockfiles.__all__ == [
        "BuildFacts",
        "BuildWheel",
        "Comparison",
        "ExportError",
        "FactChange",
        "Fault",
        "FoundSecret",
        "ImageLayer",
        "InvalidLockfileError",
        "LineChange",
        "LockGraph",
        "LockPath",
        "LockedFile",
        "LockedPin",
        "Lockfile",
        "LockfileError",
        "LockfileNameError",
        "LockfileSyntaxError",
        "PinChange",
        "PinfoldError",
        "Request",
        "SettingValue",
        "ToolTable",
        "UnsupportedLockfileError",
        "assign_layers",
        "build_graph",
        "compare",
        "digest",
        "dumps",
        "export_list",
        "export_requirements",
        "find_paths",
        "find_secrets",
        "loads",
        "move_paths",
        "read",
        "requirements",
        "select_layer",
        "split_layers",
        "write",
    ]
    assert all(hasattr(lockfiles, name) for name in lockfiles.__all__)


def test_importing_loads_no_writer_no_solver_and_no_network() -> None:
    program = "import sys, lockfiles; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    unwanted = {"resolver", "tomli_w", "resolvelib", "httpx", "hishel", "rich", "pip", "socket", "ssl", "asyncio"}
    assert loaded & unwanted == set()
