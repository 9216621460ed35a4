"""The environment of a build: what compilers need to work, and nothing of what else the caller has in his.

In: a process environment and the folder of the build. Out: the environment of the child. What is built is somebody
else's code: variables that hold tokens, proxies, index URLs and the caller's own folder are none of its business. So
names are let in one by one, and its home is an empty folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["build_child_environment"]

_SYSTEM = {"LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TZ", "USER"}
_WINDOWS = {"COMSPEC", "NUMBER_OF_PROCESSORS", "OS", "PATHEXT", "PROCESSOR_ARCHITECTURE", "PROGRAMDATA"} | {
    *("PROGRAMFILES", "PROGRAMFILES(X86)", "SYSTEMDRIVE", "SYSTEMROOT", "USERNAME", "WINDIR", "DISTUTILS_USE_SDK"),
    "MSSDK",
}
_COMPILERS = {"AR", "ARCHFLAGS", "CC", "CFLAGS", "CPATH", "CPPFLAGS", "CUDA_HOME", "CUDA_PATH", "CXX", "CXXFLAGS"} | {
    *("DEVELOPER_DIR", "DYLD_LIBRARY_PATH", "FC", "FFLAGS", "INCLUDE", "LD", "LDFLAGS", "LD_LIBRARY_PATH", "LIB"),
    *("LIBPATH", "LIBRARY_PATH", "MACOSX_DEPLOYMENT_TARGET", "MAKEFLAGS", "MAX_JOBS", "PKG_CONFIG_PATH", "RANLIB"),
    *("SDKROOT", "CMAKE_ARGS", "CMAKE_BUILD_PARALLEL_LEVEL", "CMAKE_GENERATOR", "CMAKE_PREFIX_PATH"),
}
_LET_IN = _SYSTEM | _WINDOWS | _COMPILERS | {"RUSTUP_HOME"}
# An empty home of any kind: configuration, credentials and caches of tools are looked for below these.
_HOMES = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
_TEMPORARY = ("TEMP", "TMP", "TMPDIR")


def build_child_environment(
    caller: Mapping[str, str], *, home: Path, temporary: Path, scripts: Path | None = None
) -> dict[str, str]:
    """The variables for a build out of the caller's; `home` and `temporary` are empty folders of its own.

    `scripts` is where the tools of its virtual environment lie. `home` gets an empty netrc and no other file.
    """
    netrc = home / ".netrc"
    netrc.touch(mode=0o600)
    kept = {name: value for name, value in caller.items() if name.upper() in _LET_IN or name.upper().startswith("LC_")}
    if scripts is not None:
        kept["PATH"] = os.pathsep.join(filter(None, (str(scripts), kept.get("PATH", os.defpath))))
    return {
        **_find_rust(caller),
        **kept,
        **dict.fromkeys(_HOMES, str(home)),
        **dict.fromkeys(_TEMPORARY, str(temporary)),
        "NETRC": str(netrc),
        # pip looks for a file of the whole machine, too.
        "PIP_CONFIG_FILE": os.devnull,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }


def _find_rust(caller: Mapping[str, str]) -> dict[str, str]:
    """Where rustup keeps its compilers, which it looks for at home: they are no configuration, and no secret."""
    home = caller.get("HOME") or caller.get("USERPROFILE")
    compilers = Path(home) / ".rustup" if home else None
    return {"RUSTUP_HOME": str(compilers)} if compilers is not None and compilers.is_dir() else {}
