"""The options of verbs that ask the hosts of a lock: whose credentials they get, and which of them may be private."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from resolver.artifacts.reaching import Reaching
from resolver.fetch.login_sources import LoginOptions
from resolver.sources.reader import read_source

if TYPE_CHECKING:
    from resolver.fetch.access import Access

__all__ = [
    "add_credential_options",
    "add_host_options",
    "add_reaching_options",
    "build_access",
    "read_reaching",
]


def add_reaching_options(parser: argparse.ArgumentParser) -> None:
    """Adds all options of this module."""
    add_credential_options(parser)
    add_host_options(parser)


def add_credential_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--list`, `--credentials`."""
    group = parser.add_argument_group("credentials", "of the builder; nothing that the lock says about them is obeyed")
    group.add_argument(
        "--list", metavar="SOURCE", dest="source", help="a list with the same URLs, freshly signed or with tokens"
    )
    group.add_argument("--credentials", metavar="FILE", help="logins and signed URLs, in TOML or as netrc: mode 0600")


def add_host_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--allow-host`, `--trusted-host`, `--keyring-provider`."""
    group = parser.add_argument_group("hosts")
    group.add_argument(
        "--keyring-provider",
        choices=("auto", "disabled", "subprocess"),
        default="auto",
        help="auto (default): ask the command keyring after a 401, where it is installed",
    )
    group.add_argument(
        "--allow-host",
        metavar="HOST",
        action="append",
        default=[],
        help="HOST or HOST:PORT may be this machine or in a private network",
    )
    group.add_argument(
        "--trusted-host",
        metavar="HOST",
        action="append",
        default=[],
        help="no certificate check; credentials over http",
    )


def read_reaching(
    values: argparse.Namespace, *, folder: Path, announce: Callable[[str], None] | None = None
) -> Reaching:
    """What the options say. Raises SourceError and SettingsError for a list that cannot be read."""
    return Reaching(
        source=None if values.source is None else read_source(values.source, folder=folder),
        logins=LoginOptions(
            file=None if getattr(values, "credentials", None) is None else Path(values.credentials),
            keyring=getattr(values, "keyring_provider", "disabled"),
        ),
        allowed_hosts=tuple(getattr(values, "allow_host", ())),
        trusted_hosts=tuple(getattr(values, "trusted_host", ())),
        announce=announce,
    )


def build_access(reaching: Reaching) -> Access:
    """The access of a question that is asked afresh: nothing of an earlier run is believed, and nothing is kept."""
    from resolver.fetch.access import Access

    return Access(
        refresh=True,
        announce=reaching.announce,
        logins=reaching.logins,
        allowed_hosts=reaching.allowed_hosts,
        trusted_hosts=reaching.trusted_hosts,
    )
