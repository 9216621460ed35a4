"""The parsers that are fuzzed, one target each: bytes in, and only errors of the parser's own out."""

from __future__ import annotations

import io
import sys
import tempfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging.utils import NormalizedName
from packaging.version import Version

import lockfiles
from lockfiles._documents import DocumentError, parse_json, parse_toml
from lockfiles.errors import PinfoldError
from resolver.fetch.http.http_session import PageStore
from resolver.fetch.http.login_stores import read_credentials_file
from resolver.fetch.projects.record_store import (
    RecordStore,
    RowStore,
    StoredPage,
    load_core_metadata,
    load_dependencies,
    load_texts,
)
from resolver.fetch.store import FOREVER, FolderStore
from resolver.index.core_metadata import build_dependencies, parse_core_metadata
from resolver.index.distribution_file import PageError
from resolver.index.location import Location
from resolver.index.page_building import parse_find_links_page, read_project_page
from resolver.index.project_health import parse_advisory, read_project_status
from resolver.index.project_page import load_project_page
from resolver.index.sdist_metadata import PyprojectError, SdistArchiveError, parse_pyproject, read_sdist
from resolver.index.setup_files import read_literal_metadata
from resolver.index.wheel_directory import (
    Member,
    WheelDirectoryError,
    find_metadata_member,
    list_members,
    read_contents,
    read_member,
)
from resolver.requirements.requirement_file import decode_requirement_file
from resolver.requirements.requirement_list import parse_requirement_file, parse_requirement_list
from resolver.requirements.url import Url
from resolver.settings.settings import parse_settings
from resolver.sources.apps.app_file import AppReader
from resolver.targets.labels import parse_index_label, parse_label, parse_name_label, parse_version_label
from resolver.targets.platforms import DEFAULT_PLATFORM
from resolver.targets.target import PythonVersion, Target

__all__ = ["TARGETS", "FuzzTarget", "find_target"]

_NAME = NormalizedName("alpha")
_URL = "https://index.example/simple/alpha/"
_MACHINE = Target(python=PythonVersion(major=3, minor=11, patch=0), platform=DEFAULT_PLATFORM)


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzTarget:
    """A parser. `run` raises one of `errors` for what it refuses; `words` are what its grammar is made of."""

    name: str
    run: Callable[[bytes], object]
    errors: tuple[type[Exception], ...]
    words: tuple[bytes, ...] = ()

    @property
    def corpus(self) -> tuple[bytes, ...]:
        """The inputs that mutations start from, in the order of their files."""
        folder = Path(__file__).with_name("corpus") / self.name
        return tuple(path.read_bytes() for path in sorted(folder.iterdir()))


def _run_list(data: bytes) -> None:
    items = data.decode("utf-8", "surrogateescape").split("\n")
    parse_requirement_list(items, variables={"VAR": "value"})


def _run_file(data: bytes) -> None:
    text = decode_requirement_file(data)

    def read_file(reference: str, including: str) -> tuple[str, str]:
        # Another file, which includes no third one: each of them may include several.
        return f"{including}/{reference}"[-100:], "beta==1\n" if "/" in including else text

    parse_requirement_file(text, read_file=read_file, variables={"VAR": "value"})


def _run_app(data: bytes) -> None:
    folder = _scratch() / "app"
    folder.mkdir(exist_ok=True)
    reader = AppReader(data, name="app.py", path=folder / "app.py", seen_from=folder)
    with suppress(PinfoldError):
        reader.list_apps()
    reader.read(None)


def _run_json_page(data: bytes) -> None:
    read_project_status(data, content_type="application/json")
    _run_page(data, "application/vnd.pypi.simple.v1+json")


def _run_html_page(data: bytes) -> None:
    # The first byte chooses the character set, which is the server's to name.
    charsets = ("utf-8", "latin-1", "idna", "utf-16", "utf-7", "shift_jis", "punycode", "x")
    content_type = f"text/html; charset={charsets[data[0] % len(charsets)] if data else 'utf-8'}"
    read_project_status(data, content_type=content_type)
    with suppress(PageError):
        parse_find_links_page(data, content_type=content_type, url=_URL, name=_NAME)
    _run_page(data, content_type)


def _run_page(data: bytes, content_type: str) -> None:
    page = read_project_page(
        data, content_type=content_type, url=_URL, name=_NAME, location=Location(url=Url(public=_URL)), target=_MACHINE
    )
    for row in range(len(page.versions)):
        page.files(row)


def _run_metadata(data: bytes) -> None:
    build_dependencies(parse_core_metadata(data), environment=_MACHINE.environment)


def _run_wheel(data: bytes) -> None:
    members = list_members(data, size=len(data))
    if isinstance(members, tuple):
        read_contents(members)
        for member in members[:20]:
            with suppress(WheelDirectoryError):
                read_member(data, member, start=0)
    found = find_metadata_member(data, size=len(data), project="alpha")
    if isinstance(found, Member):
        read_member(data, found, start=0)


def _run_sdist(data: bytes) -> None:
    filename = "alpha-1.0.zip" if data.startswith(b"PK") else "alpha-1.0.tar.gz"
    files = read_sdist(io.BytesIO(data), filename=filename)
    read_literal_metadata(files, name=_NAME, version=Version("1.0"))
    for content in files.others.values():
        with suppress(ValueError):
            parse_core_metadata(content)


def _run_pyproject(data: bytes) -> None:
    parse_pyproject(data)
    parse_pyproject(data, version=Version("1.0"))


def _run_lock(data: bytes) -> None:
    path = _scratch() / "pylock.toml"
    path.write_bytes(data)
    lock = lockfiles.read(path)
    assert lockfiles.loads(lockfiles.dumps(lock)).pylock == lock.pylock


def _run_settings(data: bytes) -> None:
    parse_settings(parse_toml(data), where="pyproject.toml [tool.pinfold]")


def _run_logins(data: bytes) -> None:
    path = _scratch() / "logins"
    path.write_bytes(data)
    path.chmod(0o600)
    read_credentials_file(path, variables={"VAR": "value"})


def _run_rows(data: bytes) -> None:
    """The value of a row, first as a whole, then as the payload of a valid one."""
    store = FolderStore(_scratch() / "rows")
    rows = RowStore(store, target_key="target")
    rows.write("location", "alpha", StoredPage(fresh_until=0, validator="", payload=data))
    stored = rows.read("location", "alpha")
    assert stored is not None and bytes(stored[0].payload) == data
    store.put("rows\ntarget\nlocation\nalpha", data, until=0)
    rows.read("location", "alpha")
    for content in (data, _with_checksum(data)):
        with suppress(ValueError):
            page = load_project_page(content)
            for row in range(len(page.versions)):
                page.files(row)


def _with_checksum(data: bytes) -> bytes:
    """The dump of a page with its size and checksum in their places, so that what lies behind is read."""
    size = max(0, len(data) - 32).to_bytes(4, sys.byteorder)
    rest = data[20:28] + size + data[32:]
    return data[:16] + zlib.crc32(rest).to_bytes(4, sys.byteorder) + rest


def _run_records(data: bytes) -> None:
    """The value of a project's records, as any program may have written it; then records that are added to it."""
    store = FolderStore(_scratch() / "records")
    store.put("records\nmetadata\nalpha", data, until=FOREVER)
    records = RecordStore(store, "metadata")
    records.find("alpha", "key")
    records.add("alpha", {"key": data})
    records.flush()
    assert RecordStore(store, "metadata").find("alpha", "key") == data
    for load in (load_texts, load_dependencies, load_core_metadata):
        load(data)


def _run_store(data: bytes) -> None:
    """The file of a value, and a response of a page in it."""
    store, key = FolderStore(_scratch() / "store"), "page\nhttps://index.example/"
    store.put(key, data, until=0)
    entry = store.get(key)
    assert entry is not None and bytes(entry.value) == data
    PageStore(store).find("https://index.example/")
    (path,) = (one for one in (_scratch() / "store").rglob("*") if one.is_file())
    path.write_bytes(data)
    state = store.find_state(key)
    store.get(key)
    store.expire(key, 1.0, identity=0 if state is None else state.identity)


def _run_labels(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    parse_label(text)
    parse_index_label(f"https://index.example/{text}")
    parse_name_label(NormalizedName(text))
    try:
        version = Version(f"1.0+{text}")
    except ValueError:  # InvalidVersion, or a number with more digits than Python reads.
        return
    parse_version_label(version)


def _run_advisory(data: bytes) -> None:
    parse_advisory(parse_json(data))


@cache
def _scratch() -> Path:
    """A folder for the parsers that read files; it is removed when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="pinfold-fuzz-")
    _KEPT.append(folder)
    return Path(folder.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def _words(text: str) -> tuple[bytes, ...]:
    """Parts of a grammar, written with `|` between them."""
    return tuple(word.encode("latin-1") for word in text.split("|"))


_MARKUP = _words("<a href=|<!--|-->|<base href=|<title>|</title>|&#x41;|&#9999999999;|http://[")
_TOML = _words("[|[[|]| = |\"\"\"|'''|\n|{|}|1979-05-27T07:32:00Z|inf|0x|.")
_LIST = _words(" ; python_version < '3'|(|) and (|[x]|==1.*| @ |--hash=sha256:|-e |-r |\\\n|${VAR}|#|; ")
_FIELDS = _words("Requires-Dist: |Requires-Python: |Version: |Name: |Dynamic: |\n\t|Metadata-Version: |extra == 'x'")
_CODE = _words("fal.App|requirements = |[|f'{x}'|for x in |lambda: |*|**| + | % |.join(|1 << |range(|import ")
_PAGE = _words('"files":[|"url":|"hashes":{|null|1e999|-1|"yanked":|\\ud800|../|NaN|"upload-time":"')
_LOGINS = (*_TOML, *_words("machine |login |password |macdef |default "))
_OWN = (PinfoldError,)

TARGETS: tuple[FuzzTarget, ...] = (
    FuzzTarget(name="requirement-list", run=_run_list, errors=_OWN, words=_LIST),
    FuzzTarget(name="requirement-file", run=_run_file, errors=_OWN, words=_LIST),
    FuzzTarget(name="app", run=_run_app, errors=_OWN, words=_CODE),
    FuzzTarget(name="json-page", run=_run_json_page, errors=(PageError,), words=_PAGE),
    FuzzTarget(name="html-page", run=_run_html_page, errors=(PageError,), words=_MARKUP),
    FuzzTarget(name="metadata", run=_run_metadata, errors=(ValueError,), words=(*_LIST, *_FIELDS)),
    FuzzTarget(
        name="wheel-directory",
        run=_run_wheel,
        errors=(WheelDirectoryError,),
        words=_words("PK\1\2|PK\5\6|PK\6\6|PK\6\7|\xff\xff\xff\xff|\1\0|../|.dist-info/METADATA"),
    ),
    FuzzTarget(
        name="sdist",
        run=_run_sdist,
        errors=(SdistArchiveError,),
        words=(*_words("ustar\0|0777|x|g|L|S|GNU.sparse.major=1\n|12 path=../x\n"), b"\0" * 512),
    ),
    FuzzTarget(name="pyproject", run=_run_pyproject, errors=(PyprojectError,), words=_TOML),
    FuzzTarget(name="lock", run=_run_lock, errors=(lockfiles.LockfileError,), words=_TOML),
    FuzzTarget(name="settings", run=_run_settings, errors=(PinfoldError, DocumentError), words=_TOML),
    FuzzTarget(name="logins", run=_run_logins, errors=_OWN, words=_LOGINS),
    FuzzTarget(name="row-store", run=_run_rows, errors=(), words=_words("\x1e|\x1f|\x1d|\x1c|\n")),
    FuzzTarget(name="record-store", run=_run_records, errors=(), words=_words("pfr1|\x1e|\x1f")),
    FuzzTarget(name="store", run=_run_store, errors=(), words=_words("pfstore1|\n")),
    FuzzTarget(name="labels", run=_run_labels, errors=(), words=_words("cu|pt|torch|cxx11abi|true|cpu|rocm|.|-")),
    FuzzTarget(
        name="advisory",
        run=_run_advisory,
        errors=(DocumentError,),
        words=_words('"affected":[|"ranges":|"events":|null|"introduced":|{}'),
    ),
)


def find_target(name: str) -> FuzzTarget:
    """The target of a name. Raises LookupError that lists the names."""
    for target in TARGETS:
        if target.name == name:
            return target
    raise LookupError(f"no target `{name}`: {', '.join(target.name for target in TARGETS)}")
