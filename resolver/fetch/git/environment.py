"""What a git process is told by its environment and its configuration: names let in one by one, nothing by default.

In: the caller's environment and the kind of repository. Out: the environment, and `-c` options that come before the
command. Neither holds a secret: logins are asked for through `credential_server`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from lockfiles.value_classes import dataclass
from resolver.fetch.proxies import find_certificates
from resolver.requirements.url import Secret, parse_url

__all__ = ["PROXY_USER", "Proxies", "find_proxies", "git_environment", "git_options"]

_SYSTEM = {"PATH", "TEMP", "TMP", "TMPDIR", "TZ"}
_WINDOWS = {"COMSPEC", "PATHEXT", "SYSTEMDRIVE", "SYSTEMROOT", "WINDIR"}
_SSH = {"HOME", "USER", "LOGNAME", "GIT_SSH", "GIT_SSH_VARIANT"}
_PROXIES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
_OFF = "/dev/null"
PROXY_USER = "pinfold"
"""Stands for the user of a proxy on the way to git."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """Variables that name proxies without their logins, and the URLs with them."""

    variables: dict[str, str]
    secrets: tuple[Secret, ...]


def git_environment(
    caller: Mapping[str, str], *, scheme: str, home: Path, agent: bool = True, allow_http: bool = False
) -> dict[str, str]:
    """The variables of a git process for a repository of that scheme; an empty scheme is a process without network.

    Only ssh gets the user's HOME: elsewhere curl would look for a `.netrc` there, and take its `default` entry for
    every host. `agent` lets ssh ask the user's agent. `allow_http` is for repositories that are named by `http:`.
    """
    kept = {name: value for name, value in caller.items() if name.upper() in _SYSTEM | _WINDOWS}
    fixed = {
        "GIT_ALLOW_PROTOCOL": scheme or "none",
        "GIT_ASKPASS": "",
        "GIT_CEILING_DIRECTORIES": str(home.parent),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_DEFAULT_REF_FORMAT": "files",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "HOME": str(home),
        # What git says is read by this program.
        "LC_ALL": "C",
        "XDG_CONFIG_HOME": str(home),
    }
    if scheme == "ssh":
        return {**kept, **fixed, **_ssh_variables(caller, agent=agent)}
    if scheme in ("https", "http"):
        fixed["GIT_ALLOW_PROTOCOL"] = "https:http" if allow_http else "https"
        return {**kept, **fixed, **_certificates(), **find_proxies(caller).variables}
    return {**kept, **fixed}


def git_options() -> list[str]:
    """The options in front of every command: no programs of the repository's or the user's are run."""
    settings = {
        "advice.detachedHead": "false",
        "core.askPass": "",
        "core.attributesFile": _OFF,
        "core.autocrlf": "false",
        "core.excludesFile": _OFF,
        "core.fsmonitor": "false",
        "core.hooksPath": _OFF,
        "credential.helper": "",
        "credential.useHttpPath": "true",
        "fetch.recurseSubmodules": "false",
        "gc.auto": "0",
        # The first answer may lead elsewhere, as GitLab's do to `.git`; what is asked then must not.
        "http.followRedirects": "initial",
        "http.lowSpeedLimit": "1",
        "http.lowSpeedTime": "60",
        "init.defaultBranch": "none",
        "maintenance.auto": "false",
        "protocol.file.allow": "never",
        "submodule.recurse": "false",
    }
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def find_proxies(caller: Mapping[str, str]) -> Proxies:
    """The proxies that the environment names. One that wants a login is named with a user who stands for it.

    git asks for the login of such a user as it does for that of a host; the name that it is told takes its place.
    """
    lower = {name.lower(): value for name, value in caller.items() if name.lower().endswith("_proxy") and value}
    # Those in lower case go first, as everywhere.
    lower |= {name: caller[name] for name in lower if caller.get(name)}
    variables: dict[str, str] = {}
    secrets = []
    for name, value in lower.items():
        if name == "no_proxy":
            variables |= {name: value, name.upper(): value}
        elif name in _PROXIES:
            url = parse_url(value if "://" in value else f"http://{value}")
            shown = url.public if url.secret is None else url.public.replace("://", f"://{PROXY_USER}@", 1)
            secrets += [url.secret] if url.secret is not None else []
            variables |= {name: shown, name.upper(): shown}
    return Proxies(variables=variables, secrets=tuple(secrets))


def _ssh_variables(caller: Mapping[str, str], *, agent: bool) -> dict[str, str]:
    """What ssh needs; it never asks anybody a question."""
    names = _SSH | ({"SSH_AUTH_SOCK"} if agent else set())
    kept = {name: value for name, value in caller.items() if name in names}
    command = caller.get("GIT_SSH_COMMAND") or ("" if "GIT_SSH" in kept else "ssh")
    # Behind the user's own options: the first one that ssh is given wins, but for this one nobody sets it otherwise.
    return {**kept, **({"GIT_SSH_COMMAND": f"{command} -o BatchMode=yes"} if command else {})}


def _certificates() -> dict[str, str]:
    file, folder = find_certificates()
    return {**({"GIT_SSL_CAINFO": file} if file else {}), **({"GIT_SSL_CAPATH": folder} if folder else {})}
