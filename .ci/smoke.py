"""Use an installed pinfold as a stranger would: both commands, both packages, a lock from a local folder of wheels."""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

SCRIPTS = Path(sys.argv[1])


def run(*arguments: str, folder: str) -> str:
    """The command's standard output; a failure shows its standard error."""
    done = subprocess.run(
        [str(SCRIPTS / arguments[0]), *arguments[1:]], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def make_wheel(folder: Path) -> None:
    """A wheel with nothing in it but its metadata."""
    with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")


with tempfile.TemporaryDirectory() as scratch:
    make_wheel(Path(scratch))
    Path(scratch, "requirements.txt").write_text("--no-index\n--find-links .\ntiny\n", encoding="utf-8")
    for command in ("lock", "pinfold"):
        assert "usage:" in run(command, "--help", folder=scratch)
    run("lock", "requirements.txt", "--python", "3.11", "--cache-dir", "cache", folder=scratch)
    run("pinfold", "requirements.txt", "--python", "3.11", "--check", folder=scratch)
    assert 'name = "tiny"' in Path(scratch, "pylock.toml").read_text(encoding="utf-8")

import lockfiles  # noqa: E402  (the wheel's own packages, after its commands have run)
import resolver  # noqa: E402

for module in (lockfiles, resolver):
    for name in module.__all__:
        getattr(module, name)
    assert Path(module.__file__).with_name("py.typed").exists()
print("the wheel works")
