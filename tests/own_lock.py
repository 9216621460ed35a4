"""`python -m tests.own_lock`: pinfold's own requirements with all extras, pinned by pinfold, as `requirements.dev.txt`.

The form is `NAME==VERSION --hash=…`, without URLs: the file then names no index, and serves whichever one pip uses.
Old pins are kept, unless `--upgrade` takes the newest; where pyproject.toml no longer admits one, it has to.
`bash .ci/long` installs from the file, with hashes, and looks for advisories about what is in it. `bash .ci/run` does
not install from it: it tests what users get, the newest releases.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from resolver.cli.main import main as run_command

__all__ = ["PATH", "main", "read_pins", "strip_places"]

_ROOT = Path(__file__).parents[1]
PATH = _ROOT / "requirements.dev.txt"
_PIN = re.compile(r"^([a-z0-9-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)
_HEAD = "# Made by `python -m tests.own_lock`, for CPython 3.11 on manylinux_2_28_x86_64.\n"


def main(words: Sequence[str]) -> int:
    """Lock pyproject.toml with the extras `dev` and `docs`, and write the file; the exit code of the first failure."""
    with tempfile.TemporaryDirectory() as folder:
        lock, exported = Path(folder, "pylock.toml"), Path(folder, "exported.txt")
        constraints = Path(folder, "old.txt")
        old = read_pins(PATH.read_text(encoding="utf-8")) if PATH.exists() and "--upgrade" not in words else {}
        constraints.write_text("".join(f"{name}=={version}\n" for name, (version, _) in old.items()))
        target = ["--extra", "dev", "--extra", "docs", "--python", "3.11", "--platform", "manylinux_2_28_x86_64"]
        kept = ["-c", str(constraints)] if old else []
        code = run_command([str(_ROOT / "pyproject.toml"), *target, *kept, "-o", str(lock)])
        code = code or run_command(["export", str(lock), "--format", "requirements", "-o", str(exported)])
        if code == 0:
            PATH.write_text(_HEAD + strip_places(exported.read_text(encoding="utf-8")), encoding="utf-8")
    return code


def strip_places(text: str) -> str:
    """An exported requirement file without comments and without the lines that name an index."""
    return "".join(
        line for line in text.splitlines(keepends=True) if not line.startswith(("#", "--index-url", "--extra-"))
    )


def read_pins(text: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The version and the SHA-256 hashes by project."""
    return {match[1]: (match[2], tuple(re.findall(r"[0-9a-f]{64}", match[3]))) for match in _PIN.finditer(text)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
