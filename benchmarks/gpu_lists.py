"""What GPU lists are locked to for several machines and drivers, beside what an expert would want and what uv gives.

    python -m benchmarks.gpu_lists --cache FOLDER                 # the table of docs/compatibility.md
    python -m benchmarks.gpu_lists --only torch --only vllm

Each list of `benchmarks/lists/gpu.toml` is locked for every GPU and driver, on the default index alone and with a
reconstructed mirror of the PyTorch index (`benchmarks.torch_mirror`), where other vendors' hosts have nothing. uv knows
no machine: it gets the default index, and on the mirror the index of the label that an expert would name. The table is
Markdown on standard output; on standard error is a line for each answer that is not wanted, worse than uv's or slow.
Exit code 1 says that there is one.

An answer is worse than uv's if the list is refused for a driver that runs CUDA 13 and uv solves it, or if a listed
project is older there, except where the wanted version says so.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from benchmarks.tools import TOOLS, Question, Run, ToolTimeoutError, read_lockfile
from benchmarks.torch_mirror import running_mirror
from resolver.fetch.projects.pages import default_index_url
from resolver.targets.data_files import read_data

__all__ = ["Answer", "Case", "find_faults", "main", "read_gpu_lists"]

_LISTS = Path(__file__).parent / "lists" / "gpu.toml"
_PYTORCH = "https://download.pytorch.org/"
_GPUS = ("A100", "H100", "B200")
_DRIVERS = {"default": "cu128", "580": "cu130"}
"""The drivers, and the label whose index an expert gives to uv for each."""
_INDEXES = ("public", "mirror")
_SLOW_S, _FAST_S, _TIMEOUT_S = 60.0, 20.0, 300.0
_LONGEST_REASON = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuList:
    """A list with what is wanted of it, by case, and why that is not the newest release."""

    name: str
    requirements: tuple[str, ...]
    wants: dict[str, list[str]]
    why: str = ""
    python: str = "3.11"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One machine with one set of indexes."""

    gpu: str
    driver: str
    index: str

    def find_wanted(self, entry: GpuList) -> list[str]:
        """The words of the most exact key that names nothing else; empty if none does."""
        mine = {self.gpu, self.driver, self.index, "all"}
        fitting = [key for key in entry.wants if set(key.split()) <= mine]
        return entry.wants[max(fitting, key=lambda key: (len(key.split()), key != "all"))] if fitting else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a tool came to: its exit code, pins by project, the lock's CUDA, what it said, and how long it took."""

    code: int
    pins: dict[NormalizedName, str] = field(default_factory=dict)
    cuda: str = ""
    said: str = ""
    seconds: float = 0.0


def read_gpu_lists(path: Path) -> list[GpuList]:
    """The lists of a TOML file of `[[list]]` tables."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["list"]
    return [GpuList(**{**table, "requirements": tuple(table["requirements"])}) for table in tables]


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 if some answer is not as wanted, 2 for a list that is not there."""
    options = _parse_arguments(arguments)
    lists = read_gpu_lists(options.lists)
    if unknown := sorted(set(options.only or ()) - {entry.name for entry in lists}):
        print(f"no list is called {', '.join(unknown)}", file=sys.stderr)
        return 2
    chosen = [entry for entry in lists if not options.only or entry.name in options.only]
    kept = _read_answers(options.answers)
    faults = 0
    print("| list | wanted | what came out | uv |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, running_mirror() as mirror:
        for entry in chosen:
            run = _Run(entry=entry, mirror=mirror, cache=options.cache or Path(folder), kept=kept)
            mine, others = run.ask_all(options.jobs)
            for fault in find_faults(entry, mine, others):
                faults += 1
                print(f"{entry.name}: {fault}", file=sys.stderr, flush=True)
            print(_render_row(entry, mine, others), flush=True)
            _write_answers(options.answers, kept)
    return 1 if faults else 0


def _parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gpu_lists", description=__doc__.split("\n")[0])
    parser.add_argument("lists", type=Path, nargs="?", default=_LISTS, help=f"TOML file; default: {_LISTS.name}")
    parser.add_argument("--only", action="append", help="name of a list; may be repeated")
    parser.add_argument("--cache", type=Path, help="folder of caches to keep; default: a fresh one")
    parser.add_argument("--answers", type=Path, help="JSON file of answers: those in it are not asked for again")
    parser.add_argument("--jobs", type=int, default=1, help="tools that run at a time; times then mean little")
    return parser.parse_args(arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """The questions of one list; `kept` holds answers of earlier runs by their key."""

    entry: GpuList
    mirror: str
    cache: Path
    kept: dict[str, Answer]

    def ask_all(self, jobs: int) -> tuple[dict[Case, Answer], dict[str, Answer]]:
        """The lock's answer to every case, and uv's: `public`, and by driver on the mirror."""
        labels = {"public": None, **_DRIVERS}
        with ThreadPoolExecutor(max_workers=jobs) as pool:
            locks = [pool.submit(self._lock, driver, index) for index in _INDEXES for driver in _DRIVERS]
            others = {key: pool.submit(self._compile, key, label) for key, label in labels.items()}
            mine = {case: answer for lock in locks for case, answer in lock.result().items()}
            return mine, {key: other.result() for key, other in others.items()}

    def _lock(self, driver: str, index: str) -> dict[Case, Answer]:
        """One run for all GPUs, whose time counts for each of them."""
        cases = {
            f"lock {self.entry.name} {gpu} {driver} {index}": Case(gpu=gpu, driver=driver, index=index) for gpu in _GPUS
        }
        if not cases.keys() <= self.kept.keys():
            settings = _render_mirrors(self.mirror) if index == "mirror" else ""
            arguments = [argument for gpu in _GPUS for argument in ("-m", f"GPU-{gpu}")]
            arguments += ["--driver", driver] if driver != "default" else []
            with self._asked("lock", [*arguments, "--json"], settings) as (folder, finished):
                for key, case in cases.items():
                    self.kept[key] = _read_lock(folder, f"GPU-{case.gpu}", finished)
        return {case: self.kept[key] for key, case in cases.items()}

    def _compile(self, key: str, label: str | None) -> Answer:
        key = f"uv {self.entry.name} {key}"
        if key not in self.kept:
            arguments = ["--index", f"{self.mirror}/whl/{label}"] if label else []
            with self._asked("uv", arguments) as (folder, finished):
                output = folder / "pylock.toml"
                pins = _read_pins(output) if finished.exit_code == 0 else {}
                self.kept[key] = Answer(
                    code=finished.exit_code, pins=pins, said=finished.said, seconds=finished.seconds
                )
        return self.kept[key]

    @contextlib.contextmanager
    def _asked(self, tool: str, arguments: list[str], settings: str = "") -> Iterator[tuple[Path, Run]]:
        """The folder that holds what a tool wrote, and its finished process."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            text = "\n".join(self.entry.requirements).replace("{mirror}", self.mirror)
            (folder / "requirements.txt").write_text(text + "\n", encoding="utf-8")
            (folder / "pyproject.toml").write_text(settings, encoding="utf-8")
            question = Question(
                source=folder / "requirements.txt",
                output=folder / "pylock.toml" if tool == "uv" else folder,
                index_url="",
                cut_off="",
                limit_s=_TIMEOUT_S,
                cache=self.cache.absolute() / f"cache-{tool}",
                python=self.entry.python,
                sdists=True,
            )
            try:
                yield folder, TOOLS[tool].run(question, arguments)
            except ToolTimeoutError as error:
                yield (
                    folder,
                    Run(
                        exit_code=124,
                        printed="",
                        said=str(error),
                        seconds=_TIMEOUT_S,
                        cpu_seconds=_TIMEOUT_S,
                        peak_mb=0.0,
                    ),
                )


def _render_mirrors(mirror: str) -> str:
    """The setting that replaces every vendor's host; all but PyTorch's have nothing there."""
    rows = read_data("families")["family"]
    templates = [row[key] for row in rows for key in ("index", "pages") if key in row]
    hosts = {"/".join((*template.split("/")[:3], "")) for template in templates}
    lines = [f'"{host}" = "{mirror}/{host.removeprefix(_PYTORCH).removeprefix("https://")}"' for host in sorted(hosts)]
    return "\n".join(["[tool.pinfold.mirrors]", *lines, ""])


def _read_lock(folder: Path, machine: str, finished: Run) -> Answer:
    """The answer for one machine of a run for several."""
    output = folder / f"pylock.{machine.lower()}.toml"
    if not output.exists():
        try:
            outcomes = json.loads(finished.printed)["locks"]
            outcome = next(outcome for outcome in outcomes if outcome.get("machine_types") == machine)
        except (ValueError, StopIteration):
            return Answer(code=finished.exit_code, said=finished.said, seconds=finished.seconds)
        return Answer(code=outcome["exit_code"], said=outcome["error"], seconds=finished.seconds)
    own = tomllib.loads(output.read_text(encoding="utf-8"))["tool"]["pinfold"]
    return Answer(code=0, pins=_read_pins(output), cuda=own["accelerator"].get("cuda", ""), seconds=finished.seconds)


def _read_pins(output: Path) -> dict[NormalizedName, str]:
    return {name: str(version) for name, version in read_lockfile(output).items()}


def find_faults(entry: GpuList, mine: dict[Case, Answer], others: dict[str, Answer]) -> Iterator[str]:
    """A line for each answer that is not as wanted, worse than uv's, or slow where uv is fast."""
    for case, answer in mine.items():
        where = f"{case.gpu}, driver {case.driver}, {case.index}"
        wanted = case.find_wanted(entry)
        for word in wanted:
            if not _is_met(word, answer):
                yield f"{where}: wanted `{word}`: {_summarize(entry, answer)}"
        other = others[case.driver if case.index == "mirror" else "public"]
        for text in _find_worse(entry, wanted, answer, other) if case.driver != "default" else ():
            yield f"{where}: {text}"
        if answer.seconds > _SLOW_S and other.seconds < _FAST_S:
            yield f"{where}: took {answer.seconds:.0f} s, uv {other.seconds:.0f} s"


def _is_met(word: str, answer: Answer) -> bool:
    match word.split(maxsplit=1):
        case ["refused", text]:
            return answer.code == 3 and text in answer.said
        case ["unreachable", text]:
            return answer.code == 4 and text in answer.said
        case ["without", name]:
            return answer.code == 0 and canonicalize_name(name) not in answer.pins
        case ["cuda", major]:
            return answer.code == 0 and answer.cuda.startswith(f"cu{major}")
    requirement = Requirement(word)
    version = answer.pins.get(canonicalize_name(requirement.name))
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def _find_worse(entry: GpuList, wanted: list[str], answer: Answer, other: Answer) -> Iterator[str]:
    if other.code or any(word.startswith(("refused ", "unreachable ")) for word in wanted):
        return
    if answer.code:
        yield f"only uv solves it: {_summarize(entry, answer)}"
    settled = {
        canonicalize_name(found[0])
        for word in wanted
        if "<" in word or "==" in word
        if (found := re.split("[<=>!~]", word))
    }
    for name in _list_names(entry):
        version, newer = answer.pins.get(name), other.pins.get(name)
        if (
            version
            and newer
            and name not in settled
            and Version(Version(version).public) < Version(Version(newer).public)
        ):
            yield f"{name} {version} is older than uv's {newer}"


def _list_names(entry: GpuList) -> list[NormalizedName]:
    """The listed projects, and torch behind them."""
    names = [*(canonicalize_name(Requirement(text).name) for text in entry.requirements), canonicalize_name("torch")]
    return list(dict.fromkeys(names))


def _summarize(entry: GpuList, answer: Answer) -> str:
    """The listed projects' pins, or the reason for the refusal."""
    if answer.code == 0:
        return ", ".join(f"{name} {answer.pins[name]}" for name in _list_names(entry)[:4] if name in answer.pins)
    if found := re.search(r"https?://\S*/whl/(\w+) is needed", answer.said):
        return f"exit {answer.code}: `whl/{found[1]}` is needed and does not answer"
    lines = [line.strip() for line in answer.said.splitlines()] or [""]
    at = next((at for at, line in enumerate(lines) if line.startswith("because")), 0)
    # The reason of a search that has candidates is that of the newest one, on the line after.
    at += lines[at].endswith("are asked for")
    reason = lines[at].removeprefix("because ").removeprefix("error: ")
    reason = reason.replace(default_index_url().public, "the default index")
    short = reason if len(reason) <= _LONGEST_REASON else reason[:_LONGEST_REASON].rsplit(" ", 1)[0] + " …"
    return f"exit {answer.code}: {short}"


def _render_row(entry: GpuList, mine: dict[Case, Answer], others: dict[str, Answer]) -> str:
    listed = "<br>".join(f"`{_shorten(text)}`" for text in entry.requirements[:4])
    listed += f"<br>… {len(entry.requirements)} in all" if len(entry.requirements) > 4 else ""
    wanted = "<br>".join(f"{key}: {', '.join(words)}" for key, words in entry.wants.items())
    wanted += f"<br>{entry.why}" if entry.why else ""
    cells = [listed, wanted, "<br>".join(_iter_outcomes(entry, mine)), "<br>".join(_iter_others(entry, others))]
    return f"| {' | '.join(cell.replace('|', '') for cell in cells)} |"


def _shorten(text: str) -> str:
    return text if "://" not in text else f"{text.partition(' @')[0]} @ …/{text.rpartition('/')[2]}"


def _iter_outcomes(entry: GpuList, mine: dict[Case, Answer]) -> Iterator[str]:
    """Cases with the same outcome in one line."""
    groups: dict[str, list[Case]] = {}
    for case, answer in mine.items():
        groups.setdefault(_summarize(entry, answer), []).append(case)
    for summary, cases in groups.items():
        yield f"{_name_cases(cases)}: {summary}" if len(groups) > 1 else summary


def _name_cases(cases: list[Case]) -> str:
    """`default driver, mirror (A100, H100)`; GPUs only where not all of them are meant."""
    by_place: dict[tuple[str, ...], list[str]] = {}
    for driver in _DRIVERS:
        for index in _INDEXES:
            gpus = tuple(case.gpu for case in cases if (case.driver, case.index) == (driver, index))
            if gpus:
                by_place.setdefault(gpus, []).append(f"{driver} {index}")
    parts = []
    for gpus, places in by_place.items():
        texts = [
            driver if f"{driver} public" in places and f"{driver} mirror" in places else f"{driver} {index}"
            for driver in _DRIVERS
            for index in _INDEXES
            if f"{driver} {index}" in places
        ]
        parts.append(", ".join(dict.fromkeys(texts)) + (f" ({', '.join(gpus)})" if len(gpus) < len(_GPUS) else ""))
    return "; ".join(parts)


def _iter_others(entry: GpuList, others: dict[str, Answer]) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for key, answer in others.items():
        name = "public" if key == "public" else _DRIVERS[key]
        groups.setdefault(_summarize(entry, answer), []).append(name)
    for summary, names in groups.items():
        yield f"{', '.join(names)}: {summary}" if len(groups) > 1 else summary


def _read_answers(path: Path | None) -> dict[str, Answer]:
    if path is None or not path.exists():
        return {}
    return {key: Answer(**value) for key, value in json.loads(path.read_text(encoding="utf-8")).items()}


def _write_answers(path: Path | None, kept: dict[str, Answer]) -> None:
    if path is not None:
        path.write_text(json.dumps({key: asdict(value) for key, value in kept.items()}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
