"""The words of the `lock` command: argv in, `LockArguments` out.

argparse does the parsing; an error of it is exit 2, as for every other bad input. Flags that say what a list says too
(`-i`, `--extra-index-url`, `-f` …) become settings: they stand before item 0 of the list.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from lockfiles.value_classes import dataclass

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from resolver.fetch.login_sources import KeyringProvider
    from resolver.settings import Settings

__all__ = ["LockArguments", "build_parser", "parse_lock_arguments", "render_options"]

_DESCRIPTION = """\
Lock an ordered pip requirement list for one target: write a PEP 751 lockfile that pip and uv install without
resolving anything. SOURCE is a requirements.txt, an app file (app.py or app.py::ClassName), a pyproject.toml, or
- for standard input; without one, the list in [tool.pinfold] of pyproject.toml is locked."""

_VERBS = """\
verbs, each with a --help of its own; a source of that name is written ./why:
  for whoever installs  fetch, hydrate, export, layers, digest
  about a lock          why, tree, diff, sizes, sbom, compare-installers
  whether it holds      verify, audit, outdated, secrets, hook
  about machines        machines"""
_EXIT_CODES = """\
exit codes: 0 done; 1 the answer is no (--check: the lock does not fit); 2 bad input; 3 no solution; 4 network or
authentication; 5 hash mismatch; 6 a bug in pinfold; 130 interrupted. With several sources the highest one wins.
Every option but the ones under "this run" can stand in [tool.pinfold] of pyproject.toml under its long name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockArguments:
    """What one run was asked for. `settings` are those of the command line alone.

    `machines` are the texts of `-m`, one for each lock of a source: a machine type, or a fallback list (`H100,A100`).
    `forbids_builds` is what hooks ask for: no flag sets it. `annotates` is `--format github`.
    """

    sources: tuple[str, ...]
    settings: Settings
    machines: tuple[str, ...] = ()
    upgrade: bool = False
    upgrade_packages: tuple[NormalizedName, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    check: bool = False
    evaluate: bool = False
    forbids_builds: bool = False
    offline: bool = False
    refresh: bool = False
    cache_dir: str | None = None
    credentials: str | None = None
    keyring_provider: KeyringProvider = "auto"
    allowed_hosts: tuple[str, ...] = ()
    as_json: bool = False
    annotates: bool = False
    quiet: bool = False
    verbose: bool = False


class _ShowVersion(argparse.Action):
    """Prints the version; it is looked up only then, since that reads every installed distribution's name."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"pinfold {version('pinfold')}")
        parser.exit()


class _AppendFormat(argparse.Action):
    """Appends the flag and its value to one list: the later word about a project wins, whichever flag says it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        namespace.format_flags = [*namespace.format_flags, (self.option_strings[0], values)]


class _Parser(argparse.ArgumentParser):
    """A parser whose errors show no credentials, and under `--json` are a document on standard output as well."""

    words: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        # Lazy: a run without faults has no use for them.
        import json

        from resolver.cli.output import describe_error
        from resolver.errors import InputError
        from resolver.requirements.url import redact

        message = redact(message)
        if "--json" in self.words or "--format=json" in "=".join(self.words):
            fault = {"source": None, **describe_error(InputError(message))}
            print(json.dumps({"schema": 1, "exit_code": 2, "locks": [fault]}, indent=2))
        super().error(message)


def build_parser(program: str) -> _Parser:
    """The parser of the `lock` verb; `program` is the name that it was called by."""
    parser = _Parser(
        prog=program,
        usage=f"{program} [SOURCE ...] [options]",
        description=_DESCRIPTION,
        epilog=f"{_VERBS}\n\n{_EXIT_CODES}",
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help="a file that holds a list, or -")
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="print the version and leave")
    parser.add_argument("-o", "--output", metavar="FILE|FOLDER|-", help="where the lock goes; - prints it")
    _add_target_options(parser)
    _add_index_options(parser)
    _add_solution_options(parser)
    _add_file_options(parser)
    _add_run_options(parser)
    return parser


def parse_lock_arguments(argv: Sequence[str], *, program: str) -> LockArguments:
    """The arguments of one run. Raises SystemExit (code 2, or 0 for `--help`) as argparse does."""
    parser = build_parser(program)
    parser.words = argv
    # `parse_intermixed_args` takes what stands after `--` for options.
    end = argv.index("--") if "--" in argv else len(argv)
    values = parser.parse_intermixed_args(list(argv[:end]))
    if values.check and (values.upgrade or values.upgrade_package):
        parser.error("--check changes nothing: leave out --upgrade, --upgrade-package")
    if values.refresh and values.offline:
        parser.error("--refresh asks the network and --offline forbids it: leave out one of them")
    if values.format == "github" and not values.check:
        parser.error("--format github annotates what a check finds: add --check")
    if values.output == "-" and (values.check or values.format == "json"):
        flag = "--check" if values.check else "--json"
        parser.error(f"-o - prints the lock: leave out that or {flag}")
    return LockArguments(
        sources=(*values.sources, *argv[end + 1 :]),
        settings=_build_settings(values),
        machines=tuple(values.machine_type),
        upgrade=values.upgrade,
        upgrade_packages=tuple(values.upgrade_package),
        extras=tuple(values.extra),
        groups=tuple(values.group),
        check=values.check,
        evaluate=values.evaluate,
        offline=values.offline,
        refresh=values.refresh,
        cache_dir=values.cache_dir,
        credentials=values.credentials,
        keyring_provider=values.keyring_provider,
        allowed_hosts=tuple(values.allow_host),
        as_json=values.format == "json",
        annotates=values.format == "github",
        quiet=values.quiet,
        verbose=values.verbose,
    )


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal. argparse asks `shutil` for that width with every option: 3 ms for its import."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_find_width() - 2)


def _find_width() -> int:
    try:
        return int(os.environ.get("COLUMNS", "")) or 80
    except ValueError:
        pass
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def _name(text: str) -> NormalizedName:
    # Lazy: few runs name a project, and `--help` needs no packaging.
    from packaging.utils import InvalidName, canonicalize_name

    try:
        return canonicalize_name(text, validate=True)
    except InvalidName:
        raise argparse.ArgumentTypeError(f"`{text}` is no project name") from None


def _machines(text: str) -> str:
    if not text.replace(",", "").strip():
        raise argparse.ArgumentTypeError(f"`{text}` names no machine type")
    return text


def _add_target_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("target")
    group.add_argument("--python", metavar="VERSION", help="the Python that will run it: 3.11, 3.12.4, 3.13t")
    group.add_argument(
        "--platform",
        metavar="PLATFORM",
        help="default manylinux_2_35_x86_64; also linux, macos, windows, musllinux_1_2_aarch64 …",
    )
    group.add_argument(
        "-m",
        "--machine-type",
        metavar="TYPE",
        type=_machines,
        action="append",
        default=[],
        help="GPU-A100, a100, XL; H100,A100: one lock that both run; several -m: a lock each (see: lock machines)",
    )
    group.add_argument("--driver", metavar="VERSION", help="of the GPU machines: 570.133.20, or a branch, 580")


def _add_index_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("indexes", "as in the list; on the command line they stand before its first item")
    group.add_argument("-i", "--index-url", metavar="URL", help="instead of the default index")
    group.add_argument("--extra-index-url", metavar="URL", action="append", default=[], help="asked before the default")
    group.add_argument(
        "-f", "--find-links", metavar="URL|PATH", action="append", default=[], help="a page or folder of files"
    )
    group.add_argument("--no-index", action="store_true", default=None, help="no default index")
    group.add_argument(
        "--index-strategy",
        choices=("first-index", "best-match"),
        help="first-index (default): the first that has a project supplies it; best-match: pip's rule",
    )
    group.add_argument(
        "--flag-scope",
        choices=("position", "list"),
        help="position (default): a flag in the list serves what stands after it; list: all of its layer",
    )


def _add_solution_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("solution")
    group.add_argument(
        "-c", "--constraint", metavar="FILE", action="append", default=[], help="limits that request nothing"
    )
    group.add_argument(
        "--override", metavar="FILE", action="append", default=[], help="replaces what others ask of a project"
    )
    group.add_argument(
        "--exclude", metavar="NAME", type=_name, action="append", default=[], help="a dependency to leave out"
    )
    group.add_argument(
        "--build-constraint", metavar="FILE", action="append", default=[], help="limits for build requirements"
    )
    group.add_argument("--exclude-newer", metavar="DATE|DURATION", help="files uploaded later do not exist")
    group.add_argument("--pre", action="store_true", default=None, help="pre-releases are candidates")
    group.add_argument("--prefer-binary", action="store_true", default=None, help="an older wheel beats a newer sdist")
    group.add_argument("-U", "--upgrade", action="store_true", help="let go of all pins of the old lock")
    group.add_argument(
        "-P", "--upgrade-package", metavar="NAME", type=_name, action="append", default=[], help="let go of one pin"
    )
    group.add_argument("--extra", metavar="NAME", action="append", default=[], help="an extra of a [project] table")
    group.add_argument(
        "--group", metavar="NAME", action="append", default=[], help="a dependency group of a pyproject.toml"
    )


def _add_file_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("wheels and sdists")
    group.add_argument(
        "--no-binary",
        metavar="NAME",
        action=_AppendFormat,
        dest="format_flags",
        default=[],
        help="no wheels of it; :all:, :none:",
    )
    group.add_argument(
        "--only-binary",
        metavar="NAME",
        action=_AppendFormat,
        dest="format_flags",
        default=[],
        help="no sdists of it; :all:, :none:",
    )
    group.add_argument("--no-build", action="store_true", default=None, help="build nothing to read its metadata")
    group.add_argument(
        "--build-anyway", action="store_true", default=None, help="build even where the target is not this machine"
    )
    group.add_argument(
        "--no-download", action="store_true", default=None, help="download no whole file to learn its hash"
    )
    group.add_argument(
        "--measure-kernels",
        action="store_true",
        default=None,
        help="read out of a torch that is too new to be known which GPUs it is for (10 MB of each build)",
    )


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("this run")
    group.add_argument(
        "--check",
        action="store_true",
        help="write nothing: does the lock still fit? (no network; with --refresh: would a new lock differ?)",
    )
    group.add_argument(
        "--evaluate",
        action="store_true",
        help="run app files instead of reading them, in a process that sees the target",
    )
    group.add_argument("--offline", action="store_true", help="ask no network: the cache must have it all")
    group.add_argument("--refresh", action="store_true", help="ask again for what the cache has")
    group.add_argument("--cache-dir", metavar="FOLDER", help="instead of the user's cache folder")
    group.add_argument("--credentials", metavar="FILE", help="logins by URL, in TOML or as netrc: mode 0600")
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
        help="a public host may redirect to it, though it is private",
    )
    group.add_argument(
        "--format",
        choices=("text", "json", "github"),
        default="text",
        help="json: the summary on standard output; github: what --check finds, as annotations of a workflow",
    )
    group.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")
    group.add_argument("-q", "--quiet", action="store_true", help="no summary; errors and warnings only")
    group.add_argument("-v", "--verbose", action="store_true", help="show each request")


def render_options(settings: Settings) -> str:
    """The settings of a command line as options again, each with a space before it, without secrets: for messages."""
    # Lazy: few messages name a command.
    import shlex
    from dataclasses import fields

    from resolver.requirements.url import redact

    words: list[str] = []
    for one in fields(settings):
        value = getattr(settings, one.name)
        if one.name == "format_flags":
            words += [word for pair in value or () for word in pair]
        elif value is True:
            words.append(f"--{one.name.replace('_', '-')}")
        elif value is not None and value is not False:
            values = (value,) if isinstance(value, str) else value
            words += [word for text in values for word in (f"--{one.name.replace('_', '-')}", redact(text))]
    return "".join(f" {shlex.quote(word)}" for word in words)


def _build_settings(values: argparse.Namespace) -> Settings:
    # Lazy: `--help` ends before it.
    from resolver.settings import Settings

    return Settings(
        output=values.output,
        python=values.python,
        platform=values.platform,
        driver=values.driver,
        index_url=values.index_url,
        extra_index_url=tuple(values.extra_index_url) or None,
        find_links=tuple(values.find_links) or None,
        no_index=values.no_index,
        index_strategy=values.index_strategy,
        flag_scope=values.flag_scope,
        constraint=tuple(values.constraint) or None,
        override=tuple(values.override) or None,
        exclude=tuple(values.exclude) or None,
        build_constraint=tuple(values.build_constraint) or None,
        exclude_newer=values.exclude_newer,
        pre=values.pre,
        prefer_binary=values.prefer_binary,
        format_flags=tuple(values.format_flags) or None,
        no_build=values.no_build,
        build_anyway=values.build_anyway,
        no_download=values.no_download,
        measure_kernels=values.measure_kernels,
    )
