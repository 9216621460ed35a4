"""The verb `secrets`: literal tokens and signatures in lists, apps and locks, by file and line, without their value."""

from __future__ import annotations

import argparse
import re
import tokenize
from collections.abc import Iterator, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path

from lockfiles.secret_forms import FoundSecret, find_secrets
from resolver.cli.lock_choice import SafeParser
from resolver.cli.output import show_json, show_text
from resolver.errors import InputError, render_os_error
from resolver.sources.settings_file import find_settings

__all__ = ["run_secrets"]

_DESCRIPTION = """\
Looks for literal tokens, passwords and signatures in lists, apps and locks, and names file, line and form of each. Of a
folder the lists, apps and locks in it are read."""
_REMEDY = "write `${NAME}` in its place, and set that variable where the list is locked and where the lock is installed"
_READ_IN_FOLDERS = re.compile(r"pylock(\.[^.]+)?\.toml|pyproject\.toml|.*\.py|.*(requirements|constraints).*\.(txt|in)")
_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})
_LIMIT_BYTES = 64_000_000


def run_secrets(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock secrets PATH…`: 0 where none is found, else 1."""
    parser = SafeParser(
        prog=f"{program} secrets",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("path", nargs="+", metavar="PATH", help="a file, or a folder with everything below it")
    parser.add_argument("--json", dest="as_json", action="store_true", help="the same facts as JSON")
    values = parser.parse_args(list(argv))
    found = [
        (str(path), secret)
        for path in _iter_files(values.path)
        for secret in find_secrets(_read(path), patterns=_find_patterns(path.parent.resolve()))
    ]
    if values.as_json:
        show_json({"schema": 1, "findings": [_as_json(name, secret) for name, secret in found]})
    else:
        lines = [f"{name}:{secret.line}: {secret}" for name, secret in found]
        show_text("\n".join([*lines, f"try: {_REMEDY}"] if lines else []))
    return 1 if found else 0


def _iter_files(names: Sequence[str]) -> Iterator[Path]:
    """Every file, each once."""
    seen: set[Path] = set()
    for name in names:
        path = Path(name)
        files = _iter_folder(path) if path.is_dir() else (path,)
        for file in files:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file


@cache
def _find_patterns(folder: Path) -> tuple[re.Pattern[str], ...]:
    """What `[tool.pinfold.secrets]` of the folder calls a token in a path."""
    return find_settings(folder, seen_from=Path.cwd())[0].secrets or ()


def _iter_folder(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in _SKIPPED or path.is_symlink():
            continue
        if path.is_dir():
            # A virtual environment holds what others wrote.
            if not (path / "pyvenv.cfg").exists():
                yield from _iter_folder(path)
        elif _READ_IN_FOLDERS.fullmatch(path.name):
            yield path


def _read(path: Path) -> str:
    """The text of a file; bytes that are not of its encoding are passed over, for a secret is ASCII."""
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise InputError(f"`{path}` is larger than {_LIMIT_BYTES} bytes: no list, app or lock is")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"`{path}` cannot be read: {render_os_error(error)}") from error
    return data.decode(_find_encoding(data), "replace")


def _find_encoding(data: bytes) -> str:
    """UTF-8 unless a byte order mark or a PEP 263 line says otherwise."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        return tokenize.detect_encoding(BytesIO(data).readline)[0]
    except SyntaxError:
        return "utf-8"


def _as_json(name: str, secret: FoundSecret) -> dict[str, object]:
    return {"path": name, "line": secret.line, "what": secret.what, "host": secret.host}
