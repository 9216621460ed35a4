"""The parts that readers and parsers of a requirement list share: flags, statements and faults.

In: the spelling of a flag. Out: a `Flag`, or a `Refusal` with a remedy. The table `FLAGS` holds every flag that a list
may contain, spelled as `pip install` and its requirement files spell them (pip: Requirements File Format).

Readers of items (`items`) and of files (`requirement_file`) turn text into statements: `FlagUse` and `RequirementUse`.
All later steps work on these, and are the same for statements from items and from files.

A `Refusal` holds what is wrong, why, and the remedy, but no place: the code that raises it does not have the place, and
its caller adds it in a `FaultCollector`, which raises all faults of a list together, in list order.
"""

from __future__ import annotations

import posixpath
from enum import Enum

from lockfiles._values import dataclass
from resolver.errors import Fault, ListError, Position
from resolver.requirements.url import redact

__all__ = [
    "FLAGS",
    "FaultCollector",
    "Flag",
    "FlagReach",
    "FlagUse",
    "HiddenText",
    "Refusal",
    "RequirementUse",
    "Statement",
    "find_file_flag",
    "find_item_flag",
]


class FlagReach(Enum):
    """What a flag applies to."""

    POSITION = "the requirements after it, or its whole layer"
    LAYER = "its layer"
    LIST = "the whole list"
    LINE = "the requirement of its line"
    FILE = "a file to read in its place"
    REQUIREMENT = "a requirement itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One flag.

    `name` is its canonical spelling, `spellings` are all others. `value` is a word for its value, empty for a switch.
    `in_files` is whether pip accepts it in a requirement file.
    """

    name: str
    spellings: tuple[str, ...] = ()
    value: str = ""
    reach: FlagReach
    in_files: bool = True


FLAGS = (
    Flag(name="--index-url", spellings=("-i", "--pypi-url"), value="URL", reach=FlagReach.LAYER),
    Flag(name="--extra-index-url", value="URL", reach=FlagReach.POSITION),
    Flag(name="--find-links", spellings=("-f",), value="URL", reach=FlagReach.POSITION),
    Flag(name="--no-index", reach=FlagReach.LAYER),
    Flag(name="--requirement", spellings=("-r", "--requirements"), value="FILE", reach=FlagReach.FILE),
    Flag(name="--constraint", spellings=("-c", "--constraints"), value="FILE", reach=FlagReach.FILE),
    Flag(name="--editable", spellings=("-e",), value="REFERENCE", reach=FlagReach.REQUIREMENT),
    Flag(name="--pre", reach=FlagReach.LIST),
    Flag(name="--prefer-binary", reach=FlagReach.LIST),
    Flag(name="--no-binary", value="NAMES", reach=FlagReach.LIST),
    Flag(name="--only-binary", value="NAMES", reach=FlagReach.LIST),
    Flag(name="--require-hashes", reach=FlagReach.LIST),
    Flag(name="--trusted-host", value="HOST", reach=FlagReach.LIST),
    Flag(name="--no-deps", spellings=("--no-dependencies",), reach=FlagReach.LAYER, in_files=False),
    Flag(name="--no-build-isolation", reach=FlagReach.LAYER, in_files=False),
    Flag(name="--hash", value="ALGORITHM:HEX", reach=FlagReach.LINE),
    Flag(name="--config-settings", spellings=("-C", "--config-setting"), value="KEY=VALUE", reach=FlagReach.LINE),
)
"""Every flag that a list may contain."""

_BY_SPELLING = {spelling: flag for flag in FLAGS for spelling in (flag.name, *flag.spellings)}

# Spellings that pip does not have. In its files the first two are unknown, and the last one is an abbreviation.
_NOT_OF_PIP = frozenset({"--requirements", "--constraints", "--config-setting"})
_FILE_SPELLINGS = {
    spelling: flag for spelling, flag in _BY_SPELLING.items() if flag.in_files and spelling not in _NOT_OF_PIP
}

# Flags that pip accepts in files and pinfold refuses. With them, an abbreviation is ambiguous exactly if it is for pip.
_OTHER_FILE_SPELLINGS = ("--no-require-hashes", "--all-releases", "--only-final", "--use-feature")
# Flags of pip and uv that have no meaning in a list, with the action to take instead.
_REMEDIES = {
    "-U": "leave it out; `lock --upgrade` upgrades the pins of an old lock",
    "--upgrade": "leave it out; `lock --upgrade` upgrades the pins of an old lock",
    "-t": "leave it out; where packages are installed is for the installer to say",
    "--target": "leave it out; where packages are installed is for the installer to say",
    "--prefix": "leave it out; where packages are installed is for the installer to say",
    "--root": "leave it out; where packages are installed is for the installer to say",
    "--user": "leave it out; where packages are installed is for the installer to say",
    "--system": "leave it out; where packages are installed is for the installer to say",
    "--index": "write `--extra-index-url`",
    "--default-index": "write `--index-url`",
    "--no-require-hashes": "leave it out; hashes are required only with `--require-hashes`",
    "--all-releases": "write `--pre`, or name a pre-release in the specifier of the project",
    "--only-final": "leave it out; final releases are preferred anyway",
    "--use-feature": "leave it out; features of pip have no meaning for a lock",
    "--no-build": "write `--only-binary :all:`",
}


class Refusal(Exception):  # noqa: N818 - not an error for users: every caller turns it into a fault
    """A text cannot be used: `what` is wrong, `why` and `remedy`, empty if unknown. It never leaves this package."""

    def __init__(self, what: str, *, why: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy


class FaultCollector:
    """Collects the faults of one list, each once."""

    def __init__(self) -> None:
        self._faults: dict[Fault, Position] = {}

    def add(self, position: Position, refusal: Refusal) -> None:
        """Add the fault of a statement at `position`, with credentials of URLs removed from its texts."""
        what, why, remedy = (redact(text) for text in (refusal.what, refusal.why, refusal.remedy))
        fault = Fault(where=position, what=what, why=why, remedy=remedy)
        self._faults[fault] = position

    def raise_if_any(self) -> None:
        """Raise ListError with all faults in list order, if there are any.

        The `where` of each fault is its Position.
        """
        if self._faults:
            raise ListError.from_faults(sorted(self._faults, key=lambda fault: _list_order(self._faults[fault])))


class HiddenText(str):
    """A text with a redacted `repr`, so that tracebacks with locals do not leak it. Otherwise it is the plain text.

    For the values of `--config-settings`, which may be secret but must reach build backends as they are. Unlike
    `Secret`, it is no barrier: it can be used like any text.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """A fixed text, the same for all values."""
        return "HiddenText(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagUse:
    """A flag at a position, with its value, which is empty for a switch.

    `constraint` is whether a file of `-c` holds it: then it has no effect. `inclusion` is the number of the `-r` of the
    list whose file holds it; None for a flag of the list itself.
    """

    position: Position
    flag: Flag
    value: str = ""
    constraint: bool = False
    inclusion: int | None = None

    @property
    def folder(self) -> str:
        """The folder, or URL prefix, of the file that holds this flag; empty if no file holds it."""
        return posixpath.dirname(self.position.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementUse:
    """The text of a requirement, or of a constraint, with the flags of its line (`--hash`, `--config-settings`).

    `inclusion` is as in `FlagUse`.
    """

    position: Position
    text: str
    editable: bool = False
    constraint: bool = False
    line_flags: tuple[FlagUse, ...] = ()
    inclusion: int | None = None


Statement = FlagUse | RequirementUse
"""One step of a list, before its text is parsed."""


def find_item_flag(spelling: str) -> Flag:
    """The flag with this spelling in a list item, where abbreviations are not allowed.

    Raises Refusal for an unknown one, with the most similar flag or a known remedy.
    """
    flag = _BY_SPELLING.get(spelling)
    if flag is None:
        raise _refuse_unknown(spelling, tuple(_BY_SPELLING))
    return flag


def find_file_flag(spelling: str) -> Flag:
    """The flag with this spelling in a requirement file, in full or as an abbreviation that pip accepts there.

    Raises Refusal for an unknown or ambiguous one, and for a flag that pip refuses in files.
    """
    if spelling in _FILE_SPELLINGS:
        return _FILE_SPELLINGS[spelling]
    if spelling in _BY_SPELLING and not _BY_SPELLING[spelling].in_files:
        raise Refusal(
            f"`{spelling}` has no place in a requirement file",
            why="pip refuses it there",
            remedy=f"give `{_BY_SPELLING[spelling].name}` in the list or on the command line",
        )
    meant = [known for known in (*_FILE_SPELLINGS, *_OTHER_FILE_SPELLINGS) if known.startswith(spelling)]
    if spelling in _OTHER_FILE_SPELLINGS or not spelling.startswith("--") or spelling == "--" or not meant:
        raise _refuse_unknown(spelling, tuple(_FILE_SPELLINGS))
    if len(meant) > 1:
        choices = ", ".join(f"`{known}`" for known in sorted(meant))
        raise Refusal(f"`{spelling}` is ambiguous", why=f"it could be {choices}", remedy="write the flag in full")
    if meant[0] in _OTHER_FILE_SPELLINGS:
        raise _refuse_unknown(meant[0], tuple(_FILE_SPELLINGS))
    return _FILE_SPELLINGS[meant[0]]


def _refuse_unknown(spelling: str, known: tuple[str, ...]) -> Refusal:
    """The refusal of a spelling, with its remedy or the most similar of the `known` spellings."""
    remedy = _REMEDIES.get(spelling, "")
    if not remedy:
        # Lazy: only a fault needs it, and its import takes 3 ms.
        import difflib

        nearest = difflib.get_close_matches(spelling, known, n=1, cutoff=0.7)
        remedy = f"`{nearest[0]}` is the nearest known flag" if nearest else ""
    return Refusal(f"`{spelling}` is no flag that a list may hold", remedy=remedy)


def _list_order(position: Position) -> tuple[tuple[int, int, int, int], ...]:
    """The sort key of a position, from the outermost list or file down to the line of the innermost file.

    The command line and `[tool.pinfold]` come first, because their flags precede the list.
    """
    own = (
        0 if position.source.startswith(("command line", "[tool.pinfold]")) else 1,
        position.layer or 0,
        position.item or 0,
        position.line or 0,
    )
    return (*(_list_order(position.included_by) if position.included_by else ()), own)
