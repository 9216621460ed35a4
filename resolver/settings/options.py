"""The table of all options of `lock` and `[tool.pinfold]`, each described once.

It makes the parser and the help of `lock` (`resolver.cli.parser`), the keys of `[tool.pinfold]` and how two settings
are merged (`resolver.settings.settings`), and the reference tables of the documentation (`tests.reference_pages`).
`lock --help` reads it, so it imports nothing that takes time.
"""

from __future__ import annotations

from enum import Enum, unique

from lockfiles._values import dataclass

__all__ = ["OPTIONS", "Group", "Kind", "Merge", "Option"]


@unique
class Kind(Enum):
    """The form of an option's value. Its own value is the text for this form in the reference tables."""

    TEXT = "text"
    FLAG = "`true`"
    COUNT = "how often it is given"
    CHOICE = "one of"
    TIME = "date, instant or duration"
    SECONDS = "seconds"
    TEXTS = "list of texts"
    NAMES = "list of projects"
    REQUIREMENTS = "list of requirements"
    URL_PREFIXES = "list of URLs"
    FORMATS = "list of projects, `:all:` or `:none:`"
    MACHINES = "text, or list"
    ITEMS = "list, or list of lists"
    TABLE = "table"
    """A table, or an array of tables, whose keys `resolver.settings.settings` reads."""


class Group(Enum):
    """The group of an option in the help and in the documentation. Its value is the heading in the help.

    Options of the group RUN are flags only; all others are keys of `[tool.pinfold]` too.
    """

    LIST = ""
    TARGET = "target"
    INDEXES = "indexes"
    SOLUTION = "solution"
    FILES = "wheels and sdists"
    VERBS = "other verbs"
    RUN = "this run"


class Merge(Enum):
    """How a value of the command line and that of `[tool.pinfold]` are merged. Its value describes the result."""

    REPLACED = "the value of the command line alone"
    NEARER_FIRST = "both lists, that of the command line first"
    FARTHER_FIRST = "both lists, that of the command line last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option. `name` is the key of `[tool.pinfold]` and, after `--`, the long flag of `lock`.

    - `flags` are all spellings on the command line, empty if the option is a key only.
    - `help` is one line, in the help and in the reference table; `detail` follows it in the reference table only, so it
      may contain Markdown.
    - `metavar` is the value in the help; None for a flag without a value, and for choices.
    - `value` describes the value in the reference table if the text of its kind is too general.
    - `choices` are the valid values of a CHOICE.
    - `default` is that of the command line; None means unset.
    - `stands_for` is the option, and its choice, that this flag is an abbreviation of.
    - `variable` is the environment variable that is read if the flag is not given.
    """

    name: str
    kind: Kind
    group: Group
    help: str
    detail: str = ""
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    value: str = ""
    choices: tuple[str, ...] = ()
    default: str | None = None
    merge: Merge = Merge.REPLACED
    stands_for: tuple[str, str] | None = None
    variable: str = ""

    @property
    def is_key(self) -> bool:
        """Whether it is a key of `[tool.pinfold]`."""
        return self.group is not Group.RUN

    @property
    def field(self) -> str:
        """The field of `Settings` with its value."""
        return self.name.replace("-", "_")


def _build_limit(name: str, help: str) -> Option:
    """A limit of one run, in seconds."""
    kind, flag = Kind.SECONDS, f"--{name}"
    return Option(name=name, kind=kind, group=Group.RUN, flags=(flag,), metavar="SECONDS", help=help)


OPTIONS = (
    # The list itself, and where its lock is written.
    Option(
        name="requirements",
        kind=Kind.ITEMS,
        group=Group.LIST,
        help="the list that `lock` without a SOURCE locks; inner lists are layers",
    ),
    Option(
        name="output",
        kind=Kind.TEXT,
        group=Group.LIST,
        flags=("-o", "--output"),
        metavar="FILE|FOLDER|-",
        help="where the lock goes; - prints it",
        detail="a name that ends in `.toml` is a file, another one a folder",
    ),
    Option(
        name="environment",
        kind=Kind.TEXTS,
        group=Group.LIST,
        merge=Merge.NEARER_FIRST,
        value="list of names",
        help="variables that an app's list may depend on; see [apps](apps.md#the-environment)",
    ),
    # The machine that runs the lock.
    Option(
        name="python",
        kind=Kind.TEXT,
        group=Group.TARGET,
        flags=("--python",),
        metavar="VERSION",
        help="the Python that will run it: 3.11, 3.12.4, 3.13t",
    ),
    Option(
        name="platform",
        kind=Kind.TABLE,
        group=Group.TARGET,
        flags=("--platform",),
        metavar="PLATFORM",
        value="text, or table",
        help="default manylinux_2_35_x86_64; also linux, macos, windows, musllinux_1_2_aarch64 …",
        detail="as a table: `name` is the platform, `requirements` and `profile` (`fal`) what it installs beside every"
        " app's list, see [apps](apps.md#what-the-platform-adds)",
    ),
    Option(
        name="machine-type",
        kind=Kind.MACHINES,
        group=Group.TARGET,
        flags=("-m", "--machine-type"),
        metavar="TYPE",
        help="GPU-A100, a100, XL; H100,A100: one lock that both run; several -m: a lock each (see: lock machines)",
        detail="a list under the key is one lock that all of them run; an app's own machine types come first",
    ),
    Option(
        name="driver",
        kind=Kind.TEXT,
        group=Group.TARGET,
        flags=("--driver",),
        metavar="VERSION",
        help="of the GPU machines: 570.133.20, or a branch, 580",
    ),
    Option(
        name="machines",
        kind=Kind.TABLE,
        group=Group.TARGET,
        merge=Merge.NEARER_FIRST,
        value="tables",
        help="machine types of yours: `name`, `gpu` (a CPU machine without it), `driver`",
    ),
    Option(
        name="gpus",
        kind=Kind.TABLE,
        group=Group.TARGET,
        merge=Merge.NEARER_FIRST,
        value="tables",
        help="GPUs of yours: `name`, `capability`, `driver` (the lowest that knows it), `host`",
    ),
    Option(
        name="allow",
        kind=Kind.NAMES,
        group=Group.TARGET,
        merge=Merge.NEARER_FIRST,
        help="projects whose builds need not run on the machine, which is a warning then",
    ),
    # The places that files come from.
    Option(
        name="index-url",
        kind=Kind.TEXT,
        group=Group.INDEXES,
        flags=("-i", "--index-url"),
        metavar="URL",
        value="URL",
        help="instead of the default index",
        detail="the key names a mirror of the default index, the flag an index of the list",
    ),
    Option(
        name="extra-index-url",
        kind=Kind.TEXTS,
        group=Group.INDEXES,
        flags=("--extra-index-url",),
        metavar="URL",
        merge=Merge.NEARER_FIRST,
        value="list of URLs",
        help="searched before the default index, in this order",
    ),
    Option(
        name="find-links",
        kind=Kind.TEXTS,
        group=Group.INDEXES,
        flags=("-f", "--find-links"),
        metavar="URL|PATH",
        merge=Merge.NEARER_FIRST,
        value="list of URLs and paths",
        help="a page or folder of files",
    ),
    Option(name="no-index", kind=Kind.FLAG, group=Group.INDEXES, flags=("--no-index",), help="no default index"),
    Option(
        name="index-strategy",
        kind=Kind.CHOICE,
        group=Group.INDEXES,
        flags=("--index-strategy",),
        choices=("first-index", "best-match"),
        help="first-index (default): the first that has a project supplies it; best-match: pip's rule",
    ),
    Option(
        name="flag-scope",
        kind=Kind.CHOICE,
        group=Group.INDEXES,
        flags=("--flag-scope",),
        choices=("position", "list"),
        help="position (default for lists): a flag serves what is after it; list (default for files): its whole layer",
    ),
    Option(
        name="families",
        kind=Kind.TABLE,
        group=Group.INDEXES,
        merge=Merge.NEARER_FIRST,
        value="tables",
        help="indexes that exist for a family of packages: `name`, `names` (patterns), `urls` (prefixes), `exclusive`",
    ),
    Option(
        name="mirrors",
        kind=Kind.TABLE,
        group=Group.INDEXES,
        merge=Merge.NEARER_FIRST,
        value="table",
        help="URLs to request instead of those that begin with the key:"
        ' `"https://download.pytorch.org/whl/" = "https://mirror.example/whl/"`',
    ),
    Option(
        name="secrets",
        kind=Kind.TABLE,
        group=Group.INDEXES,
        merge=Merge.NEARER_FIRST,
        value="table",
        help="`patterns` are regular expressions: what the one group of each finds in the path of a URL is a token,"
        " which is `${SECRET_1}` in lock and messages (see [security](security.md))",
    ),
    Option(
        name="public-queries",
        kind=Kind.TEXTS,
        group=Group.INDEXES,
        merge=Merge.NEARER_FIRST,
        value="list of names",
        help="queries of direct URLs that the lock has though their values look random: `id` for `?id=3f9a…`",
        detail="the secrets of known forms stay out of it (see [security](security.md#queries-that-look-random))",
    ),
    # What the search may choose.
    Option(
        name="constraint",
        kind=Kind.TEXTS,
        group=Group.SOLUTION,
        flags=("-c", "--constraint"),
        metavar="FILE",
        merge=Merge.NEARER_FIRST,
        value="list of files",
        help="limits that request nothing",
    ),
    Option(
        name="constraint-dependencies",
        kind=Kind.REQUIREMENTS,
        group=Group.SOLUTION,
        merge=Merge.NEARER_FIRST,
        help="the same, written out",
    ),
    Option(
        name="override",
        kind=Kind.TEXTS,
        group=Group.SOLUTION,
        flags=("--override",),
        metavar="FILE",
        merge=Merge.NEARER_FIRST,
        value="list of files",
        help="replaces all other requirements on a project",
    ),
    Option(
        name="override-dependencies",
        kind=Kind.REQUIREMENTS,
        group=Group.SOLUTION,
        merge=Merge.NEARER_FIRST,
        help="the same, written out",
    ),
    Option(
        name="exclude",
        kind=Kind.NAMES,
        group=Group.SOLUTION,
        flags=("--exclude",),
        metavar="NAME",
        merge=Merge.NEARER_FIRST,
        help="a dependency to leave out",
    ),
    Option(
        name="build-constraint",
        kind=Kind.TEXTS,
        group=Group.SOLUTION,
        flags=("--build-constraint",),
        metavar="FILE",
        merge=Merge.NEARER_FIRST,
        value="list of files",
        help="limits for build requirements",
    ),
    Option(
        name="build-constraint-dependencies",
        kind=Kind.REQUIREMENTS,
        group=Group.SOLUTION,
        merge=Merge.NEARER_FIRST,
        help="the same, written out",
    ),
    Option(
        name="exclude-newer",
        kind=Kind.TIME,
        group=Group.SOLUTION,
        flags=("--exclude-newer",),
        metavar="DATE|DURATION",
        help="files uploaded later do not exist",
        detail="a duration's instant is kept in the lock until `-U`",
    ),
    Option(
        name="exclude-newer-exempt",
        kind=Kind.URL_PREFIXES,
        group=Group.SOLUTION,
        merge=Merge.NEARER_FIRST,
        help="indexes that give no upload times",
    ),
    Option(name="pre", kind=Kind.FLAG, group=Group.SOLUTION, flags=("--pre",), help="pre-releases are candidates"),
    Option(
        name="prefer-binary",
        kind=Kind.FLAG,
        group=Group.SOLUTION,
        flags=("--prefer-binary",),
        help="an older wheel beats a newer sdist",
    ),
    Option(
        name="no-deps",
        kind=Kind.FLAG,
        group=Group.SOLUTION,
        flags=("--no-deps",),
        help="lock the list alone, without what it depends on",
    ),
    # Which files of a version may be used, and whether sdists may be built.
    Option(
        name="no-binary",
        kind=Kind.FORMATS,
        group=Group.FILES,
        flags=("--no-binary",),
        metavar="NAME",
        merge=Merge.FARTHER_FIRST,
        help="no wheels of it; :all:, :none:",
    ),
    Option(
        name="only-binary",
        kind=Kind.FORMATS,
        group=Group.FILES,
        flags=("--only-binary",),
        metavar="NAME",
        merge=Merge.FARTHER_FIRST,
        help="no sdists of it; :all:, :none:",
    ),
    Option(
        name="no-build",
        kind=Kind.FLAG,
        group=Group.FILES,
        flags=("--no-build",),
        help="build nothing to read its metadata",
        detail="versions that need it are no candidates",
    ),
    Option(
        name="allow-build",
        kind=Kind.NAMES,
        group=Group.FILES,
        merge=Merge.NEARER_FIRST,
        help="what may be built all the same under `no-build`, and by the hooks of pre-commit",
    ),
    Option(
        name="build-anyway",
        kind=Kind.FLAG,
        group=Group.FILES,
        flags=("--build-anyway",),
        help="build even where the target is not this machine",
        detail="such pins are marked",
    ),
    Option(
        name="build-metadata",
        kind=Kind.FLAG,
        group=Group.FILES,
        flags=("--build-metadata",),
        help="build an sdist rather than believe what its setup.py states",
        detail="needs a machine like the target",
    ),
    Option(
        name="skip-failed-builds",
        kind=Kind.FLAG,
        group=Group.FILES,
        flags=("--skip-failed-builds",),
        help="pass over a version whose build gives no metadata",
        detail="the lock records it",
    ),
    Option(
        name="no-build-isolation",
        kind=Kind.FLAG,
        group=Group.FILES,
        flags=("--no-build-isolation",),
        help="sources are built in the image, among its packages, and not here",
    ),
    Option(
        name="no-download",
        kind=Kind.FLAG,
        group=Group.FILES,
        flags=("--no-download",),
        help="download no whole file to learn its hash",
    ),
    Option(
        name="measure-kernels",
        kind=Kind.FLAG,
        group=Group.FILES,
        flags=("--measure-kernels",),
        help="read out of a torch that is too new to be known which GPUs it is for (10 MB of each build)",
    ),
    Option(
        name="dependency-metadata",
        kind=Kind.TABLE,
        group=Group.FILES,
        merge=Merge.NEARER_FIRST,
        value="tables",
        help="metadata to believe without asking: `name`, `version` (all without it), `requires-dist`,"
        " `requires-python`, `provides-extra`",
    ),
    # Keys that only verbs other than `lock` read.
    Option(
        name="osv",
        kind=Kind.TEXT,
        group=Group.VERBS,
        value="path",
        help="the OSV database of [`audit`](verbs.md#audit): a folder, a zip archive or its URL",
    ),
    # Flags of one run, which are no settings of a project.
    Option(name="upgrade", kind=Kind.FLAG, group=Group.RUN, flags=("-U", "--upgrade"), help="upgrade all: keep no pin"),
    Option(
        name="upgrade-package",
        kind=Kind.NAMES,
        group=Group.RUN,
        flags=("-P", "--upgrade-package"),
        metavar="NAME",
        help="upgrade one pin",
    ),
    Option(
        name="extra",
        kind=Kind.TEXTS,
        group=Group.RUN,
        flags=("--extra",),
        metavar="NAME",
        help="an extra of a [project] table",
    ),
    Option(
        name="group",
        kind=Kind.TEXTS,
        group=Group.RUN,
        flags=("--group",),
        metavar="NAME",
        help="a dependency group of a pyproject.toml",
    ),
    Option(
        name="check",
        kind=Kind.FLAG,
        group=Group.RUN,
        flags=("--check",),
        help="write nothing: does the lock still fit? (no network; with --refresh: would a new lock differ?)",
    ),
    Option(
        name="evaluate",
        kind=Kind.FLAG,
        group=Group.RUN,
        flags=("--evaluate",),
        help="run app files instead of reading them, in a process that sees the target",
    ),
    Option(
        name="offline",
        kind=Kind.FLAG,
        group=Group.RUN,
        flags=("--offline",),
        help="make no request: everything must be in the cache",
    ),
    Option(name="refresh", kind=Kind.FLAG, group=Group.RUN, flags=("--refresh",), help="take nothing from the cache"),
    _build_limit("timeout", "the longest time for one answer: a page, a file, a git command (default 600)"),
    _build_limit("run-timeout", "the longest time for the whole run (default: none)"),
    Option(
        name="python-executable",
        kind=Kind.TEXT,
        group=Group.RUN,
        flags=("--python-executable",),
        metavar="PATH",
        help="the Python that builds; it must be of the version that is locked",
    ),
    Option(
        name="cache-dir",
        kind=Kind.TEXT,
        group=Group.RUN,
        flags=("--cache-dir",),
        metavar="FOLDER",
        variable="PINFOLD_CACHE_DIR",
        help="instead of the user's cache folder",
    ),
    Option(
        name="credentials",
        kind=Kind.TEXT,
        group=Group.RUN,
        flags=("--credentials",),
        metavar="FILE",
        variable="PINFOLD_CREDENTIALS_FILE",
        help="logins by URL, in TOML or as netrc: mode 0600",
    ),
    Option(
        name="keyring-provider",
        kind=Kind.CHOICE,
        group=Group.RUN,
        flags=("--keyring-provider",),
        choices=("auto", "disabled", "subprocess"),
        default="auto",
        help="auto (default): run the command keyring after a 401, where it is installed",
    ),
    Option(
        name="allow-host",
        kind=Kind.TEXTS,
        group=Group.RUN,
        flags=("--allow-host",),
        metavar="HOST",
        help="a public page may link or redirect to it, though it is private",
    ),
    Option(
        name="allow-variable",
        kind=Kind.TEXTS,
        group=Group.RUN,
        flags=("--allow-variable",),
        metavar="NAME=HOST",
        variable="PINFOLD_ALLOW_VARIABLE",
        help="this variable may be sent to HOST or HOST:PORT",
    ),
    Option(
        name="trusted-host",
        kind=Kind.TEXTS,
        group=Group.RUN,
        flags=("--trusted-host",),
        metavar="HOST",
        help="no certificate check; credentials over http",
        detail="a list can name such hosts too",
    ),
    Option(
        name="format",
        kind=Kind.CHOICE,
        group=Group.RUN,
        flags=("--format",),
        choices=("text", "json", "github"),
        default="text",
        help="json: the summary on standard output; github: what --check finds, as annotations of a workflow",
    ),
    Option(
        name="json",
        kind=Kind.FLAG,
        group=Group.RUN,
        flags=("--json",),
        stands_for=("format", "json"),
        help="the summary as JSON on standard output",
    ),
    Option(name="quiet", kind=Kind.FLAG, group=Group.RUN, flags=("-q", "--quiet"), help="errors and warnings only"),
    Option(
        name="verbose", kind=Kind.COUNT, group=Group.RUN, flags=("-v", "--verbose"), help="decisions; -vv: requests"
    ),
)
"""All options, in the order of the help and of the reference tables."""
