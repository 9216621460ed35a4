"""The flags that a list may hold, as data: their spellings, whether they take a value, and what they serve.

The spellings are those of `pip install` and of pip's requirement files (pip: Requirements File Format).

Text that may be a secret, for code that needs it as text: the value of a `--config-settings`.

A `Secret` is opened in one place. This goes to build backends as it is, through many hands, and must only not be shown
where somebody shows the locals of a traceback.

What a list says, token by token, before any of it is understood: flags with their values, and requirements.

Readers of items and of files make statements; everything after them no longer asks which of the two it was.

How the modules of this package report a fault: the code that meets it knows what and why, its caller knows where.

In: refusals raised while a text is read. Out: faults with positions, all of a list together, in list order.
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


class Refusal(Exception):  # noqa: N818 - the word for what it is; it never leaves this package as an error
    """A text cannot be used: `what` is wrong, `why`, and the `remedy`. Never leaves this package."""

    def __init__(self, what: str, *, why: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy


class FaultCollector:
    """Gathers the faults of one list."""

    def __init__(self) -> None:
        self._faults: dict[Fault, Position] = {}

    def add(self, position: Position, refusal: Refusal) -> None:
        """Note that what stands at `position` was refused. Credentials of URLs are taken out of the texts here."""
        what, why, remedy = (redact(text) for text in (refusal.what, refusal.why, refusal.remedy))
        fault = Fault(where=position, what=what, why=why, remedy=remedy)
        self._faults[fault] = position

    def raise_if_any(self) -> None:
        """Raise ListError with all faults in list order, if there are any."""
        if self._faults:
            raise ListError.from_faults(sorted(self._faults, key=lambda fault: _list_order(self._faults[fault])))


def _list_order(position: Position) -> tuple[tuple[int, int, int, int], ...]:
    """Where a position stands in the list: from the outermost list or file down to the line of the innermost file."""
    own = (
        0 if position.source.startswith(("command line", "[tool.pinfold]")) else 1,
        position.layer or 0,
        position.item or 0,
        position.line or 0,
    )
    return (*(_list_order(position.included_by) if position.included_by else ()), own)


class FlagReach(Enum):
    """How far a flag reaches: what it applies to."""

    POSITION = "the requirements after it, or its whole layer"
    LAYER = "its layer"
    LIST = "the whole list"
    LINE = "the requirement of its line"
    FILE = "a file to read in its place"
    REQUIREMENT = "a requirement itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One flag. `name` is its canonical spelling, `value` a word for what it takes, empty for a switch.

    `in_files` says whether pip accepts it in a requirement file.
    """

    name: str
    spellings: tuple[str, ...] = ()
    value: str = ""
    serves: FlagReach
    in_files: bool = True


FLAGS = (
    Flag(name="--index-url", spellings=("-i", "--pypi-url"), value="URL", serves=FlagReach.LAYER),
    Flag(name="--extra-index-url", value="URL", serves=FlagReach.POSITION),
    Flag(name="--find-links", spellings=("-f",), value="URL", serves=FlagReach.POSITION),
    Flag(name="--no-index", serves=FlagReach.LAYER),
    Flag(name="--requirement", spellings=("-r", "--requirements"), value="FILE", serves=FlagReach.FILE),
    Flag(name="--constraint", spellings=("-c", "--constraints"), value="FILE", serves=FlagReach.FILE),
    Flag(name="--editable", spellings=("-e",), value="REFERENCE", serves=FlagReach.REQUIREMENT),
    Flag(name="--pre", serves=FlagReach.LIST),
    Flag(name="--prefer-binary", serves=FlagReach.LIST),
    Flag(name="--no-binary", value="NAMES", serves=FlagReach.LIST),
    Flag(name="--only-binary", value="NAMES", serves=FlagReach.LIST),
    Flag(name="--require-hashes", serves=FlagReach.LIST),
    Flag(name="--trusted-host", value="HOST", serves=FlagReach.LIST),
    Flag(name="--no-deps", spellings=("--no-dependencies",), serves=FlagReach.LAYER, in_files=False),
    Flag(name="--no-build-isolation", serves=FlagReach.LAYER, in_files=False),
    Flag(name="--hash", value="ALGORITHM:HEX", serves=FlagReach.LINE),
    Flag(name="--config-settings", spellings=("-C", "--config-setting"), value="KEY=VALUE", serves=FlagReach.LINE),
)

_BY_SPELLING = {spelling: flag for flag in FLAGS for spelling in (flag.name, *flag.spellings)}

# pip has no such spellings, so that in its files they are unknown or, for the last one, an abbreviation.
_NOT_OF_PIP = frozenset({"--requirements", "--constraints", "--config-setting"})
_FILE_SPELLINGS = {
    spelling: flag for spelling, flag in _BY_SPELLING.items() if flag.in_files and spelling not in _NOT_OF_PIP
}
# Flags that pip also accepts in files: they count when it decides whether an abbreviation is unambiguous.
_OTHER_FILE_SPELLINGS = ("--no-require-hashes", "--all-releases", "--only-final", "--use-feature")

_REMEDIES = {
    "-U": "leave it out; `lock --upgrade` lets go of the pins of an old lock",
    "--upgrade": "leave it out; `lock --upgrade` lets go of the pins of an old lock",
    "-t": "leave it out; where packages are installed is for the installer to say",
    "--target": "leave it out; where packages are installed is for the installer to say",
    "--prefix": "leave it out; where packages are installed is for the installer to say",
    "--root": "leave it out; where packages are installed is for the installer to say",
    "--user": "leave it out; where packages are installed is for the installer to say",
    "--system": "leave it out; where packages are installed is for the installer to say",
    "--index": "write `--extra-index-url`",
    "--default-index": "write `--index-url`",
    "--no-require-hashes": "leave it out; hashes are required only where `--require-hashes` says so",
    "--all-releases": "write `--pre`, or name a pre-release in the specifier of the project",
    "--only-final": "leave it out; final releases are preferred anyway",
    "--use-feature": "leave it out; features of pip have no meaning for a lock",
    "--no-build": "write `--only-binary :all:`",
}


def find_item_flag(spelling: str) -> Flag:
    """The flag that a list item spells; raises Refusal with the nearest known flag. Items know no abbreviations."""
    flag = _BY_SPELLING.get(spelling)
    if flag is None:
        raise _unknown(spelling, tuple(_BY_SPELLING))
    return flag


def find_file_flag(spelling: str) -> Flag:
    """The flag that a line of a requirement file spells, in full or as an abbreviation that pip accepts there."""
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
        raise _unknown(spelling, tuple(_FILE_SPELLINGS))
    if len(meant) > 1:
        choices = ", ".join(f"`{known}`" for known in sorted(meant))
        raise Refusal(f"`{spelling}` is ambiguous", why=f"it could be {choices}", remedy="write the flag in full")
    if meant[0] in _OTHER_FILE_SPELLINGS:
        raise _unknown(meant[0], tuple(_FILE_SPELLINGS))
    return _FILE_SPELLINGS[meant[0]]


def _unknown(spelling: str, known: tuple[str, ...]) -> Refusal:
    remedy = _REMEDIES.get(spelling, "")
    if not remedy:
        import difflib  # Three milliseconds that only a fault needs.

        nearest = difflib.get_close_matches(spelling, known, n=1, cutoff=0.7)
        remedy = f"`{nearest[0]}` is the nearest known flag" if nearest else ""
    return Refusal(f"`{spelling}` is no flag that a list may hold", remedy=remedy)


class HiddenText(str):
    """A text whose `repr` says nothing of it. Equal to, and hashed as, the same plain text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "HiddenText(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagUse:
    """A flag with its value; empty for a switch."""

    position: Position
    flag: Flag
    value: str = ""

    @property
    def folder(self) -> str:
        """The folder, or URL prefix, of the file that this flag stands in; empty where it stands in no file."""
        return posixpath.dirname(self.position.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementUse:
    """The text of a requirement or constraint with the flags of its line."""

    position: Position
    text: str
    editable: bool = False
    constraint: bool = False
    line_flags: tuple[FlagUse, ...] = ()


Statement = FlagUse | RequirementUse
