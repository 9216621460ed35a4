"""The base image of the builds, made by debootstrap once and kept in the user's cache folder.

It is like the image `python:3.13`: Debian, with `python` and `pip` in /usr/local/bin. No registry of images is asked.
An older Debian will not do: its Python cannot unpack the example's sdist safely, and `lock fetch --build` refuses that.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

__all__ = ["PYTHON", "BaseImage", "find_missing", "make_base_image", "run_checked", "unmount_below"]

PYTHON = "3.13"
"""The Python of the release."""
_RELEASE = "trixie"
_PACKAGES = "python3-venv,ca-certificates"
_NAMES = (f"python:{PYTHON}", f"python:{PYTHON}-slim")
_UNUSED = ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache/apt", "var/lib/apt/lists")
_CONTAINERFILE = "FROM scratch\nADD root.tar /\nENV PATH=/usr/local/bin:/usr/bin:/bin\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseImage:
    """A store of buildah that has the image under each name of `_NAMES`, with the storage driver that it is for."""

    store: Path
    driver: str


def find_missing() -> str | None:
    """Why no image can be built here; None if one can."""
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return "the example is locked for Linux on x86_64"
    if os.geteuid() != 0:
        return "buildah with `--isolation chroot` and debootstrap are run as root"
    missing = [name for name in ("buildah", "debootstrap", "unshare") if shutil.which(name) is None]
    return f"needs the Debian packages of {', '.join(missing)}" if missing else None


def make_base_image() -> BaseImage:
    """The base image, made where it is not there yet. CalledProcessError if Debian's packages cannot be reached."""
    recipe = "\n".join((_RELEASE, _PACKAGES, _CONTAINERFILE, *_NAMES, *_UNUSED))
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    folder = Path(platformdirs.user_cache_dir("pinfold-tests")) / f"image-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        # Several processes of pytest-xdist begin at once.
        fcntl.flock(file, fcntl.LOCK_EX)
        driver = _choose_driver(folder)
        base = BaseImage(store=folder / driver, driver=driver)
        done = folder / f"{driver}.done"
        if not done.exists():
            shutil.rmtree(base.store, ignore_errors=True)
            _bootstrap(folder, base)
            done.touch()
    return base


def run_checked(command: Sequence[str], **environment: str) -> str:
    """What a command prints, on both streams; CalledProcessError with it where the command fails."""
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print(done.stdout)
        raise subprocess.CalledProcessError(done.returncode, list(command), done.stdout)
    return done.stdout


def unmount_below(folder: Path) -> None:
    """Take down all mounts below a folder, the innermost first; the folder can be deleted then."""
    places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for place in reversed(places):
        if place.startswith(f"{folder}/"):
            run_checked(["umount", place])


def _choose_driver(folder: Path) -> str:
    """The storage driver: overlay where the kernel has it for root, which takes a tenth of the time of vfs."""
    options = ("--root", str(folder / "probe"), "--runroot", str(folder / "probe-run"))
    done = subprocess.run(
        ["buildah", *options, "--storage-driver", "overlay", "images"],
        capture_output=True,
        check=False,
    )
    unmount_below(folder / "probe")
    return "overlay" if done.returncode == 0 else "vfs"


def _bootstrap(folder: Path, base: BaseImage) -> None:
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    run_checked(["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _RELEASE, str(root)])
    for name in _UNUSED:
        shutil.rmtree(root / name, ignore_errors=True)
    run_checked(["chroot", str(root), "python3", "-m", "venv", "/usr/local"])
    run_checked(["tar", "-C", str(root), "--numeric-owner", "-cf", str(folder / "root.tar"), "."])
    (folder / "Containerfile").write_text(_CONTAINERFILE)
    buildah = ("buildah", "--root", str(base.store), "--runroot", str(folder / "run"), "--storage-driver", base.driver)
    tags = [word for name in _NAMES for word in ("--tag", name)]
    run_checked([*buildah, "build", "--isolation", "chroot", "--timestamp", "0", *tags, str(folder)])
    unmount_below(folder)
    shutil.rmtree(root)
    (folder / "root.tar").unlink()
