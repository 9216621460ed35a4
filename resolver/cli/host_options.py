"""The options about hosts, credentials and the cache, and the `Access` that they make.

In: an argument parser to add options to, or the parsed options of a verb. Out: an `Access`, and the plans of lists that
bring credentials.

This is the only module of the command that builds an `Access`. It also finds the facts about this machine that an
`Access` holds: the folder of the cache, and how many processes may read index pages.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lockfiles.variable_bindings import VariableBindings
from resolver.errors import SettingsError
from resolver.fetch.access import (
    DEFAULT_CACHE_BYTES,
    DEFAULT_TIMEOUT_S,
    Access,
    Cancellation,
    LoginOptions,
    read_file_bindings,
)
from resolver.planning.plan import LockPlan, RunContext, plan_lock
from resolver.settings.settings import Settings
from resolver.sources.reader import read_source
from resolver.sources.settings_file import read_bindings

if TYPE_CHECKING:
    from resolver.cli.parser import LockArguments
    from resolver.index.events import Observe

__all__ = [
    "add_access_options",
    "add_credential_options",
    "add_host_options",
    "build_lock_access",
    "find_user_bindings",
    "read_access",
    "read_lists",
]

_MOST_READERS = 4
"""Reading pages in processes took a cold lock of a long list from 813 to 561 ms on two cores."""


def add_access_options(parser: argparse.ArgumentParser) -> None:
    """Add all options of this module, for verbs that send requests with credentials."""
    add_credential_options(parser)
    add_host_options(parser)


def add_credential_options(parser: argparse.ArgumentParser) -> None:
    """Add `--list`, `--credentials` and `--allow-variable`, for verbs that need the complete URLs of a lock."""
    group = parser.add_argument_group("credentials", "from you alone: what the lock says about them is ignored")
    group.add_argument(
        "--list", metavar="SOURCE", dest="source", help="a list with the same URLs, freshly signed or with tokens"
    )
    group.add_argument("--credentials", metavar="FILE", help="logins and signed URLs, in TOML or as netrc: mode 0600")
    group.add_argument(
        "--allow-variable",
        metavar="NAME=HOST",
        action="append",
        default=[],
        help="this variable may be sent to HOST or HOST:PORT",
    )


def add_host_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for verbs that send requests or read files for a lock, whose author may be a stranger."""
    # Lazy: `lock` needs its parser alone.
    from resolver.cli.parser import parse_seconds

    group = parser.add_argument_group("hosts and files", "a lock alone leads to public hosts and into its own folder")
    group.add_argument(
        "--keyring-provider",
        choices=("auto", "disabled", "subprocess"),
        default="auto",
        help="auto (default): run the command keyring after a 401, where it is installed",
    )
    group.add_argument(
        "--allow-host",
        metavar="HOST",
        action="append",
        default=[],
        help="HOST or HOST:PORT may be this machine or in a private network",
    )
    group.add_argument(
        "--allow-path",
        metavar="DIR",
        action="append",
        default=[],
        help="the lock may lead to DIR and what is below it, or to a file",
    )
    group.add_argument(
        "--trusted-host",
        metavar="HOST",
        action="append",
        default=[],
        help="no certificate check; credentials over http",
    )
    for name, what in (("--timeout", "one answer (default 600)"), ("--run-timeout", "the whole run (default: none)")):
        group.add_argument(name, metavar="SECONDS", type=parse_seconds, help=f"the longest time for {what}")


def read_access(
    values: argparse.Namespace, *, announce: Callable[[str], None] | None = None, refresh: bool = False
) -> Access:
    """The `Access` of a verb other than `lock`, from the options of this module that it has.

    With `refresh` no response of an earlier run is used. `announce` gets lines for standard error.
    """
    return Access(
        refresh=refresh,
        announce=announce,
        logins=LoginOptions(
            file=None if getattr(values, "credentials", None) is None else Path(values.credentials),
            # `export` has no such option: it sends no request that a host could refuse.
            keyring=getattr(values, "keyring_provider", "disabled"),
        ),
        allowed_hosts=tuple(getattr(values, "allow_host", ())),
        allowed_paths=tuple(Path.cwd() / path for path in getattr(values, "allow_path", ())),
        trusted_hosts=tuple(getattr(values, "trusted_host", ())),
        timeout_s=getattr(values, "timeout", None) or DEFAULT_TIMEOUT_S,
        cancellation=Cancellation(after_s=getattr(values, "run_timeout", None)),
    )


def read_lists(values: argparse.Namespace, *, folder: Path) -> tuple[LockPlan, ...]:
    """The plan of `--list`, whose URLs have credentials; empty without the option.

    The list is read as `lock` reads it, with the environment for its `${NAME}`. `folder` is where relative paths start.
    Raises InputError for a list that cannot be used.
    """
    if values.source is None:
        return ()

    def find_bindings(source: Path | None) -> VariableBindings:
        return find_user_bindings(values.allow_variable, credentials=values.credentials, source=source)

    source = read_source(values.source, folder=folder, find_bindings=find_bindings)
    plan = plan_lock(
        source,
        arguments=Settings(),
        path=None,
        old=None,
        run=RunContext(folder=folder, variables=os.environ, now=datetime.now(UTC), bindings=find_bindings(source.path)),
    )
    return (plan,)


def find_user_bindings(words: Sequence[str], *, credentials: str | None, source: Path | None) -> VariableBindings:
    """What `--allow-variable`, the environment, `lock allow` and the credentials file allow the list in a file.

    Raises SettingsError for a text that is no binding.
    """
    logins = LoginOptions(file=None if credentials is None else Path(credentials))
    return read_bindings(words, source=source, load=partial(read_file_bindings, logins))


def build_lock_access(
    arguments: LockArguments, *, announce: Callable[[str], None], observe: Observe | None = None
) -> Access:
    """The `Access` of the verb `lock`, the only one with a cache that outlives the run.

    `announce` gets lines for standard error, none of them with `--quiet`. `observe` is the listener of the run.
    """
    return Access(
        cache_folder=_choose_cache_folder(arguments.cache_dir),
        cache_limit_bytes=_find_cache_limit(),
        offline=arguments.offline,
        refresh=arguments.refresh,
        forbids_builds=arguments.forbids_builds,
        python_executable=None if arguments.python_executable is None else Path(arguments.python_executable),
        logins=LoginOptions(
            file=None if arguments.credentials is None else Path(arguments.credentials),
            keyring=arguments.keyring_provider,
        ),
        allowed_hosts=arguments.allowed_hosts,
        trusted_hosts=arguments.trusted_hosts,
        timeout_s=arguments.timeout or DEFAULT_TIMEOUT_S,
        cancellation=Cancellation(after_s=arguments.run_timeout),
        announce=None if arguments.quiet else announce,
        observe=observe,
        reader_count=_count_readers(),
    )


def _choose_cache_folder(named: str | None) -> Path:
    """`--cache-dir`, else `PINFOLD_CACHE_DIR`, else the user's cache folder of this platform."""
    named = named or os.environ.get("PINFOLD_CACHE_DIR")
    if named:
        return Path(named)
    # Lazy: only a run without --cache-dir needs it.
    from platformdirs import user_cache_path

    return user_cache_path("pinfold", appauthor=False)


def _find_cache_limit() -> int:
    """`PINFOLD_CACHE_LIMIT`, in megabytes, else the default. Raises SettingsError for a text that is no number."""
    text = os.environ.get("PINFOLD_CACHE_LIMIT", "")
    if not text:
        return DEFAULT_CACHE_BYTES
    if not text.isdecimal() or len(text) > 9:
        raise SettingsError(
            f"`PINFOLD_CACHE_LIMIT` is no number of megabytes: `{text}`", remedy="write it like `1000`, or unset it"
        )
    return int(text) * 1_000_000


def _count_readers() -> int:
    """How many processes may read pages: one for each processor that this process may use.

    None on a single processor, where they would only take turns, and where a fork is not safe.
    """
    if sys.platform != "linux":
        return 0
    processors = len(os.sched_getaffinity(0))
    return min(processors, _MOST_READERS) if processors > 1 else 0
