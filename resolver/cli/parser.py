"""The arguments of the verb `lock`: argv in, `LockArguments` out.

The options and their help come from the table in `resolver.settings.options`, and argparse parses them. An error is
exit code 2, as for every other bad input; under `--json` it is a document on standard output as well.

Options that a list can have too (`-i`, `--extra-index-url`, `-f` …) become settings: they apply before the first item
of the list. `render_options` writes settings as options again, for messages that name a command.

`lock --help` loads this module and little else, so what only a run needs is imported in functions.
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

__all__ = ["LockArguments", "build_parser", "parse_lock_arguments", "parse_seconds", "render_options"]

_DESCRIPTION = """\
Lock an ordered pip requirement list for one target: write a PEP 751 lockfile
that pip and uv install without resolving anything. SOURCE is a list: in a
requirements.txt, an app (app.py, app.py::Class, a folder), a pyproject.toml, or
on standard input (-); without one it is the list in [tool.pinfold]."""

_VERBS = """verbs, each with a `lock help VERB`; a source of that name is written ./why:
  about a lock      why, tree, diff, sizes, outdated, report
  whether it holds  verify, audit, secrets
  to install it     fetch, export, digest, layers
  around it         machines, allow, hook, fleet, completion"""
_WEEKLY = ("machine-type", "python", "platform", "output", "check", "upgrade", "upgrade-package", "json")
"""The options that `lock --help` has, in this order; `lock help all` has all."""
_EXIT_CODES = """\
exit codes: 0 done; 1 the answer is no (--check: the lock does not fit); 2 bad input; 3 no solution; 4 network or
authentication; 5 hash mismatch; 6 a bug in pinfold; 130 interrupted. With several sources the highest one wins.
Every option but the ones under "this run" can stand in [tool.pinfold] of pyproject.toml under its long name."""

_ABOUT_INDEXES = "as in the list; on the command line they stand before its first item"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockArguments:
    """The arguments of one run.

    - `settings` are those of the command line alone, without configuration and defaults.
    - `machines` are the texts of `-m`, one for each lock of a source: a machine type, or a fallback list (`H100,A100`).
    - `forbids_builds` has no option: the verb `hook` sets it.
    - `verbose` is 1 for decisions, 2 for requests too.
    - `annotates` is `--format github`, `as_json` is `--format json` or `--json`.
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
    python_executable: str | None = None
    offline: bool = False
    refresh: bool = False
    timeout: float | None = None
    run_timeout: float | None = None
    cache_dir: str | None = None
    credentials: str | None = None
    keyring_provider: KeyringProvider = "auto"
    allowed_hosts: tuple[str, ...] = ()
    allowed_variables: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    as_json: bool = False
    annotates: bool = False
    quiet: bool = False
    verbose: int = 0


def build_parser(program: str) -> _Parser:
    """The parser of the verb `lock`; `program` is the name of the command in its help."""
    parser = _Parser(
        prog=program,
        usage=f"{program} [SOURCE ...] [options]",
        description=_DESCRIPTION,
        epilog=f"{_VERBS}\n\n{_EXIT_CODES}",
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help="a file that holds a list, or -")
    parser.add_argument("-h", "--help", action=_ShowWeekly, nargs=0, help="show what is needed most, and leave")
    parser.add_argument("--help-all", action="help", help="show this, and leave: the same as `lock help all`")
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="print the version and leave")
    _add_options(parser)
    return parser


def parse_lock_arguments(argv: Sequence[str], *, program: str) -> LockArguments:
    """The arguments of one run. Raises SystemExit (code 2, or 0 for `--help`) as argparse does."""
    # Combinations that make no sense are errors: to ignore one of two options would hide a mistake.
    parser = build_parser(program)
    parser.words = argv
    # `parse_intermixed_args` takes what follows `--` for options, against the convention.
    end = argv.index("--") if "--" in argv else len(argv)
    values = parser.parse_intermixed_args(list(argv[:end]))
    _check_combinations(parser, values)
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
        python_executable=values.python_executable,
        offline=values.offline,
        refresh=values.refresh,
        timeout=values.timeout,
        run_timeout=values.run_timeout,
        cache_dir=values.cache_dir,
        credentials=values.credentials,
        keyring_provider=values.keyring_provider,
        allowed_hosts=tuple(values.allow_host),
        allowed_variables=tuple(values.allow_variable),
        trusted_hosts=tuple(values.trusted_host),
        as_json=values.format == "json",
        annotates=values.format == "github",
        quiet=values.quiet,
        verbose=values.verbose,
    )


def render_options(settings: Settings) -> str:
    """The settings of a command line as options, each with a space before it, for a message that names a command.

    The text can be pasted into a shell. Secrets are left out.
    """
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


def _check_combinations(parser: _Parser, values: argparse.Namespace) -> None:
    """Raise SystemExit for options that exclude each other."""
    if values.check and (values.upgrade or values.upgrade_package):
        parser.error("--check changes nothing: leave out --upgrade, --upgrade-package")
    if values.refresh and values.offline:
        parser.error("--refresh asks the network and --offline forbids it: leave out one of them")
    if values.format == "github" and not values.check:
        parser.error("--format github annotates what a check finds: add --check")
    if values.output == "-" and (values.check or values.format == "json"):
        flag = "--check" if values.check else "--json"
        parser.error(f"-o - prints the lock: leave out that or {flag}")


class _ShowWeekly(argparse.Action):
    """Prints a help that fits on a screen of 24 lines or little more, and exits."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        short = argparse.ArgumentParser(
            prog=parser.prog,
            usage=f"{parser.prog} [SOURCE ...] [options]\n       {parser.prog} VERB [LOCKFILE ...] [options]",
            description=_DESCRIPTION,
            epilog=f"{_VERBS}\n\n`{parser.prog} help all` has every option, and the exit codes.",
            formatter_class=_HelpFormatter,
            add_help=False,
        )
        by_name = {option.name: option for option in OPTIONS}
        for option in map(by_name.__getitem__, _WEEKLY):
            short.add_argument(option.flags[0], help=option.help, **{**_describe(option), "dest": option.field})
        short.print_help()
        parser.exit()


class _ShowVersion(argparse.Action):
    """Prints the version and exits.

    argparse's own action needs the version beforehand, which takes time: all installed distributions are listed for it.
    """

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"pinfold {version('pinfold')}")
        parser.exit()


class _AppendFormat(argparse.Action):
    """Appends the option and its value to one list for `--no-binary` and `--only-binary` together.

    The order matters: as with pip, the last of both options that names a project applies to it.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        namespace.format_flags = [*namespace.format_flags, (self.option_strings[0], values)]


class _Parser(argparse.ArgumentParser):
    """A parser whose errors show no credentials, and under `--json` are a document on standard output as well.

    `words` are the arguments: an error may come before the options are parsed, so `--json` is looked for in them.
    """

    words: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        """Print the message, and raise SystemExit with code 2."""
        # Lazy: a run without faults needs none of them.
        import json

        from resolver.cli.output import describe_error
        from resolver.errors import InputError
        from resolver.requirements.url import redact

        message = redact(message)
        if "--json" in self.words or "--format=json" in "=".join(self.words):
            fault = {"source": None, **describe_error(InputError(message))}
            print(json.dumps({"schema": 1, "exit_code": 2, "locks": [fault]}, indent=2))
        super().error(message)


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal.

    argparse would import `shutil` for that width, and query it for every option: 3 ms.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_find_width() - 2)


def _find_width() -> int:
    """The columns of the terminal: `COLUMNS`, else those of standard output, else 80."""
    try:
        return int(os.environ.get("COLUMNS", "")) or 80
    except ValueError:
        pass
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def _name(text: str) -> NormalizedName:
    """The name of a project, for `type=`. Raises ArgumentTypeError."""
    # Lazy: few runs name a project, and `--help` needs no packaging.
    from packaging.utils import InvalidName, canonicalize_name

    try:
        return canonicalize_name(text, validate=True)
    except InvalidName:
        raise argparse.ArgumentTypeError(f"`{text}` is no project name") from None


def parse_seconds(text: str) -> float:
    """A time in seconds, for `type=`. Raises ArgumentTypeError for anything but a positive number."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"`{text}` is no number of seconds above 0")
    return seconds


def _machines(text: str) -> str:
    """A text that names machine types, for `type=`. Raises ArgumentTypeError for an empty one.

    Whether a type exists is checked later, because the configuration can add some.
    """
    if not text.replace(",", "").strip():
        raise argparse.ArgumentTypeError(f"`{text}` names no machine type")
    return text


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the table, under the headings of their groups."""
    # Options about the list itself come first, without a heading of their own.
    headings: dict[Group, argparse._ActionsContainer] = {Group.LIST: parser}
    for option in OPTIONS:
        if not option.flags:
            continue
        if option.group not in headings:
            about = _ABOUT_INDEXES if option.group is Group.INDEXES else None
            headings[option.group] = parser.add_argument_group(option.group.value, about)
        headings[option.group].add_argument(*option.flags, help=option.help, **_describe(option))


def _describe(option: Option) -> dict[str, Any]:
    """The arguments of `add_argument` for an option, without its flags and help.

    A setting that is not given is None or empty, never its default: the configuration may set it.
    """
    if option.stands_for is not None:
        name, choice = option.stands_for
        return {"action": "store_const", "dest": name, "const": choice}
    match option.kind:
        case Kind.FLAG:
            return {"action": "store_true", "default": None if option.is_key else False}
        case Kind.COUNT:
            return {"action": "count", "default": 0}
        case Kind.SECONDS:
            return {"metavar": option.metavar, "type": parse_seconds, "default": None}
        case Kind.CHOICE:
            return {"choices": option.choices, "default": option.default}
        case Kind.FORMATS:
            return {"metavar": option.metavar, "action": _AppendFormat, "dest": "format_flags", "default": []}
        case Kind.TEXTS | Kind.NAMES | Kind.MACHINES:
            parse = {Kind.NAMES: _name, Kind.MACHINES: _machines}.get(option.kind, str)
            return {"metavar": option.metavar, "action": "append", "default": [], "type": parse}
        case _:
            # A text. Lists of items and tables have no option: they are keys of the configuration alone.
            return {"metavar": option.metavar, "default": option.default}


def _build_settings(values: argparse.Namespace) -> Settings:
    """The settings of the command line; None for each that is not given."""
    # Lazy: `--help` ends before it.
    from resolver.settings.settings import Settings

    found: dict[str, Any] = {"format_flags": tuple(values.format_flags) or None}
    for option in OPTIONS:
        # Machine types are no setting of the run: each `-m` makes a lock of its own.
        # A repeated option that is not given is an empty list for argparse, and None in Settings.
        if option.is_key and option.flags and option.kind not in {Kind.FORMATS, Kind.MACHINES}:
            value = getattr(values, option.field)
            found[option.field] = (tuple(value) or None) if isinstance(value, list) else value
    return Settings(**found)
