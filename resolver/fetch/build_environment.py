"""The environment of a build: what compilers and pip need to work, and nothing of what else the caller has in his.

In: a process environment. Out: the one of the child. What is built is somebody else's code: variables that hold
tokens, or index URLs with passwords, are none of its business. So names are let in one by one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from resolver.requirements.url import parse_url

__all__ = ["build_environment"]

_SYSTEM = {"HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TEMP", "TMP", "TMPDIR", "TZ", "USER"}
_WINDOWS = {"APPDATA", "COMSPEC", "LOCALAPPDATA", "NUMBER_OF_PROCESSORS", "OS", "PATHEXT", "PROCESSOR_ARCHITECTURE"} | {
    *("PROGRAMDATA", "PROGRAMFILES", "PROGRAMFILES(X86)", "SYSTEMDRIVE", "SYSTEMROOT", "USERNAME", "USERPROFILE"),
    *("WINDIR", "DISTUTILS_USE_SDK", "MSSDK"),
}
_INTERPRETER = {"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "PYTHONUTF8", "VIRTUAL_ENV"}
_COMPILERS = {"AR", "ARCHFLAGS", "CC", "CFLAGS", "CPATH", "CPPFLAGS", "CUDA_HOME", "CUDA_PATH", "CXX", "CXXFLAGS"} | {
    *("DEVELOPER_DIR", "FC", "FFLAGS", "INCLUDE", "LD", "LDFLAGS", "LIB", "LIBPATH", "LIBRARY_PATH", "MAKEFLAGS"),
    *("MACOSX_DEPLOYMENT_TARGET", "MAX_JOBS", "PKG_CONFIG_PATH", "RANLIB", "SDKROOT", "SOURCE_DATE_EPOCH"),
    *("CMAKE_ARGS", "CMAKE_BUILD_PARALLEL_LEVEL", "CMAKE_GENERATOR", "CMAKE_PREFIX_PATH", "CARGO_HOME", "RUSTUP_HOME"),
}
_CERTIFICATES = {"CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"}
_PROXIES = {"ALL_PROXY", "FTP_PROXY", "HTTPS_PROXY", "HTTP_PROXY"}
_LET_IN = _SYSTEM | _WINDOWS | _INTERPRETER | _COMPILERS | _CERTIFICATES | {"NO_PROXY"}


def build_environment(caller: Mapping[str, str]) -> dict[str, str]:
    """The variables for a build out of the caller's. A proxy is told without the password that it wants."""
    kept = {name: value for name, value in caller.items() if name.upper() in _LET_IN or name.upper().startswith("LC_")}
    proxies = {name: parse_url(value).public for name, value in caller.items() if name.upper() in _PROXIES}
    # pip starts itself again for the build requirements: it must not read there what `--isolated` keeps from it here.
    return {**kept, **proxies, "PIP_CONFIG_FILE": os.devnull, "PYTHONDONTWRITEBYTECODE": "1"}
