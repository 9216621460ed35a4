"""The words of the `lock` command: argv in, `LockArguments` out.

argparse does the parsing; an error of it is exit 2, as for every other bad input. The options are those of
`resolver.settings.options`, which also says what each means. Flags that say what a list says too
(`-i`, `--extra-index-url`, `-f` …) become settings: they stand before item 0 of the list.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from lockfiles._values import dataclass
from resolver.settings.options import OPTIONS, Group, Kind, Option

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from resolver.fetch.access import KeyringProvider
    from resolver.settings.settings import Settings

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

_ABOUT_INDEXES = "as in the list; on the command line they stand before its first item"


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
    trusted_hosts: tuple[str, ...] = ()
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
    _add_options(parser)
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
        trusted_hosts=tuple(values.trusted_host),
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


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the table, under the headings of their groups."""
    headings: dict[Group, argparse._ActionsContainer] = {Group.LIST: parser}
    for option in OPTIONS:
        if not option.flags:
            continue
        if option.group not in headings:
            about = _ABOUT_INDEXES if option.group is Group.INDEXES else None
            headings[option.group] = parser.add_argument_group(option.group.value, about)
        headings[option.group].add_argument(*option.flags, help=option.help, **_describe(option))


def _describe(option: Option) -> dict[str, Any]:
    """What argparse is told of an option beside its flags and help. A setting that is not given is None or empty."""
    if option.stands_for is not None:
        name, choice = option.stands_for
        return {"action": "store_const", "dest": name, "const": choice}
    match option.kind:
        case Kind.FLAG:
            return {"action": "store_true", "default": None if option.is_key else False}
        case Kind.CHOICE:
            return {"choices": option.choices, "default": option.default}
        case Kind.FORMATS:
            return {"metavar": option.metavar, "action": _AppendFormat, "dest": "format_flags", "default": []}
        case Kind.TEXTS | Kind.NAMES | Kind.MACHINES:
            parse = {Kind.NAMES: _name, Kind.MACHINES: _machines}.get(option.kind, str)
            return {"metavar": option.metavar, "action": "append", "default": [], "type": parse}
        case _:
            return {"metavar": option.metavar, "default": option.default}


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
    from resolver.settings.settings import Settings

    found: dict[str, Any] = {"format_flags": tuple(values.format_flags) or None}
    for option in OPTIONS:
        # Machine types are no setting of the run: each `-m` makes a lock of its own.
        if option.is_key and option.flags and option.kind not in {Kind.FORMATS, Kind.MACHINES}:
            value = getattr(values, option.field)
            found[option.field] = (tuple(value) or None) if isinstance(value, list) else value
    return Settings(**found)
