"""Locks that a stranger has written, as data: `CASES`.

Each case changes the document of an honest lock, or gives a whole text. Nothing that it names may be asked, read or
built; `tests.hostile.test_forged_locks` runs every verb and function that reads locks over each.
"""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import tomli_w

from lockfiles import LockfileError, dumps, loads
from tests.hostile.trap import Trap

__all__ = ["CASES", "ForgedLock"]

Document = dict[str, Any]
Kind = Literal["host", "file", "build", "secret", "text", "size"]

_COMMIT = "a" * 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgedLock:
    """One lock. `forge` changes the document of an honest one in place, or returns a whole text.

    An empty text means that it has put the lock there itself.
    """

    name: str
    kind: Kind
    forge: Callable[[Document, Trap], str | None]

    def write(self, trap: Trap, honest: str) -> None:
        """Write the lock into the folder, sealed anew where it can be read: a stranger can do that, too."""
        document = tomllib.loads(honest)
        text = self.forge(document, trap)
        if text is None:
            text = tomli_w.dumps(document)
            with contextlib.suppress(LockfileError, ValueError):
                text = dumps(loads(text))
        if text:
            (trap.folder / "pylock.toml").write_text(text, encoding="utf-8")


def _listed(*lines: str) -> Callable[[Document, Trap], None]:
    """A recorded list; `PRIVATE` is the private port, `PUBLIC` the public index, `OUTSIDE` the folder outside."""

    def forge(document: Document, trap: Trap) -> None:
        own = document["tool"]["pinfold"]
        own["requirements"] = [[_fill(line, trap) for line in lines]]
        own.get("settings", {}).pop("index-url", None)
        if not any("index" in line for line in lines):
            own["settings"] = {"index-url": trap.public.index_url}

    return forge


def _setting(key: str, value: Any) -> Callable[[Document, Trap], None]:
    def forge(document: Document, trap: Trap) -> None:
        filled = [_fill(one, trap) for one in value] if isinstance(value, list) else _fill(value, trap)
        document["tool"]["pinfold"].setdefault("settings", {})[key] = filled

    return forge


def _file(**changes: Any) -> Callable[[Document, Trap], None]:
    """Another file of the one package."""

    def forge(document: Document, trap: Trap) -> None:
        wheel = document["packages"][0]["wheels"][0]
        for key, value in changes.items():
            wheel[key] = _fill(value, trap) if isinstance(value, str) else value
        if "path" in changes:
            del wheel["url"]

    return forge


def _source(key: str, **table: Any) -> Callable[[Document, Trap], None]:
    """A source in place of the wheel, with what `fetch --build` needs; the recorded list names it too."""

    def forge(document: Document, trap: Trap) -> None:
        package, own = document["packages"][0], document["tool"]["pinfold"]
        del package["wheels"], package["index"]
        filled = {name: _fill(value, trap) if isinstance(value, str) else value for name, value in table.items()}
        package[key] = filled
        if key in ("vcs", "directory"):
            del package["version"]
        own["build"] = {"safe": {"isolation": True, "requirements": []}}
        place = filled.get("url", filled.get("path", ""))
        if key == "directory":
            own["requirements"] = [[f"./{place}" if not place.startswith(".") else place]]
        else:
            own["requirements"] = [[f"safe @ {'git+' if key == 'vcs' else ''}{place}"]]

    return forge


def _index(url: str) -> Callable[[Document, Trap], None]:
    """Another index for the pin and for the list."""

    def forge(document: Document, trap: Trap) -> None:
        document["packages"][0]["index"] = _fill(url, trap)
        document["packages"][0]["wheels"][0]["url"] = f"{_fill(url, trap)}/safe-1.0-py3-none-any.whl"
        document["tool"]["pinfold"]["settings"] = {"index-url": _fill(url, trap)}

    return forge


def _linked(document: Document, trap: Trap) -> None:
    """A wheel that is a link out of the folder."""
    name = "near-1.0-py3-none-any.whl"
    (trap.folder / name).symlink_to(trap.outside / "wheels" / name)
    _file(name=name, path=name)(document, trap)
    document["packages"][0].pop("index")
    document["packages"][0]["name"] = "near"
    document["tool"]["pinfold"]["layers"] = [["near"]]
    document["tool"]["pinfold"]["requested-by"] = {"near": ["layer 0: near"]}
    document["tool"]["pinfold"]["requirements"] = [[f"./{name}"]]


def _linked_tree(document: Document, trap: Trap) -> None:
    """A folder whose pyproject.toml is a link out of it."""
    (trap.folder / "linked").mkdir()
    (trap.folder / "linked" / "pyproject.toml").symlink_to(trap.outside / "secret.txt")
    _source("directory", path="linked")(document, trap)


def _linked_links(document: Document, trap: Trap) -> None:
    """A find-links folder whose files are links out of it."""
    (trap.folder / "links").mkdir()
    for path in (trap.outside / "wheels").iterdir():
        (trap.folder / "links" / path.name).symlink_to(path)
    _listed("--no-index", "--find-links=links", "near")(document, trap)


def _pipe(document: Document, trap: Trap) -> None:
    os.mkfifo(trap.folder / "safe-1.0-py3-none-any.whl")
    _file(path="safe-1.0-py3-none-any.whl")(document, trap)


def _many(document: Document, trap: Trap) -> None:
    """Packages that nothing requires and that their index does not have."""
    first = document["packages"][0]
    for number in range(500):
        url = f"{trap.public.base_url}/files/safe_{number}-1.0-py3-none-any.whl"
        wheel = {**first["wheels"][0], "name": url.rpartition("/")[2], "url": url}
        document["packages"].append({**first, "name": f"safe-{number}", "wheels": [wheel]})


def _device(document: Document, trap: Trap) -> str:
    """A lock that is a link to a device without an end."""
    (trap.folder / "pylock.toml").symlink_to("/dev/zero")
    return ""


def _own_pipe(document: Document, trap: Trap) -> str:
    """A lock that is a pipe without a writer."""
    os.mkfifo(trap.folder / "pylock.toml")
    return ""


def _escapes(document: Document, trap: Trap) -> None:
    """Control and bidi characters in each text that a verb prints."""
    text = "\u202e::error::\u2028\u200f\u061c"
    own = document["tool"]["pinfold"]
    own["requirements"] = [["safe", f"other @ https://127.0.0.1:{trap.private.port}/{text}"]]
    own["requested-by"] = {"safe": [f"layer 0: {text}"]}
    own["source"] = f"{text}.txt"


def _without_tool(document: Document, trap: Trap) -> None:
    """A lock of another tool that leads to the private host."""
    del document["tool"]
    _file(url="http://127.0.0.1:PRIVATE/safe-1.0-py3-none-any.whl")(document, trap)


def _recorded_source(document: Document, trap: Trap) -> None:
    document["tool"]["pinfold"]["source"] = "../outside/secret.txt::canary"
    del trap


def _text(text: str) -> Callable[[Document, Trap], str]:
    return lambda document, trap: text


def _later_version(document: Document, trap: Trap) -> None:
    document["lock-version"] = "99.0"
    del trap


def _allowed_build(document: Document, trap: Trap) -> None:
    _listed("source")(document, trap)
    document["tool"]["pinfold"]["settings"] |= {"allow-build": ["source"], "build-metadata": True}


def _unknown_keys(document: Document, trap: Trap) -> None:
    document["tool"]["pinfold"]["settings"]["credentials"] = str(trap.outside / "secret.txt")
    document["tool"]["other"] = {"build": True, "index": f"http://127.0.0.1:{trap.private.port}/"}


def _fill(text: str, trap: Trap) -> str:
    for name, value in (
        ("PRIVATE", str(trap.private.port)),
        ("PUBLIC", trap.public.base_url),
        ("OUTSIDE", trap.outside.as_posix()),
    ):
        text = text.replace(name, value)
    return text


def _case(name: str, kind: Kind, forge: Callable[[Document, Trap], str | None]) -> ForgedLock:
    return ForgedLock(name=name, kind=kind, forge=forge)


_MARKER = " or ".join(["python_version >= '3'"] * 3000)

CASES: tuple[ForgedLock, ...] = (
    _case("private index", "host", _index("http://127.0.0.1:PRIVATE/simple")),
    _case("name of this machine as index", "host", _index("http://localhost:PRIVATE/simple")),
    _case("index in decimal", "host", _index("http://2130706433:PRIVATE/simple")),
    _case("index in octal", "host", _index("http://0177.0.0.1:PRIVATE/simple")),
    _case("index in hexadecimal", "host", _index("http://0x7f.1:PRIVATE/simple")),
    _case("index as IPv6 with IPv4 in it", "host", _index("http://[::ffff:127.0.0.1]:PRIVATE/simple")),
    _case("link-local index", "host", _index("http://169.254.169.254/latest")),
    _case("index that redirects inside", "host", _index("PUBLIC/redirect")),
    _case("extra index", "host", _listed("--extra-index-url=http://127.0.0.1:PRIVATE/simple", "safe", "absent")),
    _case("find-links page", "host", _listed("--find-links=http://127.0.0.1:PRIVATE/", "safe")),
    _case("find-links page that redirects inside", "host", _listed("--find-links=PUBLIC/redirect/", "safe")),
    _case("mirror of the public index", "host", _setting("mirrors", ["PUBLIC at http://127.0.0.1:PRIVATE"])),
    _case("file on a private host", "host", _file(url="http://127.0.0.1:PRIVATE/safe-1.0-py3-none-any.whl")),
    _case("lock of another tool", "host", _without_tool),
    _case(
        "archive on a private host",
        "host",
        _source("archive", url="http://127.0.0.1:PRIVATE/safe-1.0.tar.gz", hashes={"sha256": "a" * 64}),
    ),
    _case(
        "repository on a private host",
        "host",
        _source(
            "vcs",
            type="git",
            url="http://127.0.0.1:PRIVATE/r.git",
            **{"commit-id": _COMMIT, "requested-revision": "main"},
        ),
    ),
    _case(
        "repository by git's own protocol",
        "host",
        _source("vcs", type="git", url="git://127.0.0.1:PRIVATE/r.git", **{"commit-id": _COMMIT}),
    ),
    _case(
        "repository by ssh",
        "host",
        _source("vcs", type="git", url="ssh://git@127.0.0.1:PRIVATE/r.git", **{"commit-id": _COMMIT}),
    ),
    _case(
        "repository that redirects inside",
        "host",
        _source("vcs", type="git", url="PUBLIC/redirect", **{"commit-id": _COMMIT, "requested-revision": "main"}),
    ),
    _case(
        "repository by a helper program",
        "host",
        _source("vcs", type="git", url="ext::sh -c 'touch built'", **{"commit-id": _COMMIT}),
    ),
    _case(
        "repository like an option",
        "host",
        _source("vcs", type="git", url="--upload-pack=touch built", **{"commit-id": "--upload-pack=touch built"}),
    ),
    _case(
        "repository of another disk",
        "file",
        _source("vcs", type="git", url="file://OUTSIDE/tree", **{"commit-id": _COMMIT, "requested-revision": "main"}),
    ),
    _case("file URL", "file", _file(url="file:///etc/passwd", name="safe-1.0-py3-none-any.whl")),
    _case("archive by file URL", "file", _source("archive", url="file:///etc/passwd", hashes={"sha256": "a" * 64})),
    _case("path upwards", "file", _file(path="../outside/wheels/near-1.0-py3-none-any.whl")),
    _case("path upwards, hidden", "file", _file(path="own/../../outside/./wheels/near-1.0-py3-none-any.whl")),
    _case("absolute path", "file", _file(path="OUTSIDE/wheels/near-1.0-py3-none-any.whl")),
    _case("find-links folder", "file", _listed("--no-index", "--find-links=../outside/wheels", "near")),
    _case("index on disk", "file", _index("file://OUTSIDE")),
    _case("wheel that is a link", "file", _linked),
    _case("folder with a link", "file", _linked_tree),
    _case("find-links folder of links", "file", _linked_links),
    _case("pipe in place of a wheel", "file", _pipe),
    _case("included file", "file", _listed("-r ../outside/secret.txt", "safe")),
    _case("included system file", "file", _listed("-r /etc/passwd", "-c ../outside/secret.txt", "safe")),
    _case("recorded source", "file", _recorded_source),
    _case("sdist", "build", _listed("source")),
    _case("folder", "build", _source("directory", path="own")),
    _case("editable folder outside", "build", _source("directory", path="../outside/tree", editable=True)),
    _case("build of metadata as a setting", "build", _allowed_build),
    _case("variable in a URL", "secret", _listed("safe @ PUBLIC/files/safe-1.0-py3-none-any.whl?t=${CANARY}")),
    _case("variable in a host", "secret", _listed("--index-url=http://${CANARY}.example/simple", "safe")),
    _case("variable as login", "secret", _index("http://user:${CANARY}@127.0.0.1:PRIVATE/simple")),
    _case("login in a URL", "secret", _file(url="http://user:secret@127.0.0.1:PRIVATE/safe-1.0-py3-none-any.whl")),
    _case("another hash", "text", _file(hashes={"sha256": "0" * 64})),
    _case("huge size", "size", _file(size=2**62)),
    _case("unknown keys", "text", _unknown_keys),
    _case("control characters", "text", _escapes),
    _case("later version", "text", _later_version),
    _case("lock that is a device", "size", _device),
    _case("lock that is a pipe", "size", _own_pipe),
    _case("key twice", "text", lambda document, trap: f"{tomli_w.dumps(document)}\n[tool]\nx = 1\n[tool]\n"),
    _case("deep nesting", "size", _text(f"x = {'[' * 100_000}")),
    _case("long number", "size", _text(f"x = {'9' * 10_000}")),
    _case("long marker", "size", _listed(f"safe; {_MARKER}")),
    _case("deep marker", "size", _listed(f"safe; {'(' * 3000}python_version >= '3'{')' * 3000}")),
    _case("many packages", "size", _many),
)
