"""A long run: each target for some minutes, and what was found. The exit code is 1 if anything was."""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from types import FrameType

from tests.fuzz.mutation import mutate
from tests.fuzz.targets import TARGETS, FuzzTarget, find_target

_SLOW_S = 5.0
"""CPU seconds after which an input is a finding."""
_MOST_KEPT = 20


class _SlowInputError(BaseException):
    """Raised in the parser by a timer; not an `Exception`, so that no boundary catches it."""


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _SlowInputError


def _describe(error: BaseException) -> str:
    """The type and the innermost place in this repository, which tells findings apart."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next(
        (one for one in reversed(frames) if "site-packages" not in one.filename and "lib/" not in one.filename), None
    )
    return f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}" if place is not None else repr(error)


def _try(target: FuzzTarget, data: bytes) -> tuple[str | None, str]:
    """A finding or None, and what became of the input: `read`, `refused`, or what a boundary has caught."""
    signal.setitimer(signal.ITIMER_VIRTUAL, _SLOW_S)
    try:
        target.run(data)
    except target.errors as error:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        is_turned = error.__cause__ is not None and "it cannot be read (" in str(error)
        return None, f"boundary: {_describe(error.__cause__)}" if is_turned and error.__cause__ else "refused"
    except (Exception, _SlowInputError) as error:  # noqa: BLE001  # Everything else is what is searched for.
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        return _describe(error), "found"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return None, "read"


def fuzz(target: FuzzTarget, *, seconds: float, seed: int, folder: Path) -> int:
    """The number of different findings, whose inputs are kept in `folder`. Prints a line for each."""
    chance = random.Random(seed)
    pool = list(target.corpus)
    outcomes: Counter[str] = Counter()
    findings: dict[str, bytes] = {}
    end = time.monotonic() + seconds
    for number in range(10**9):
        if time.monotonic() > end:
            break
        data = pool[number] if number < len(target.corpus) else chance.choice(pool)
        if number >= len(target.corpus):
            data = mutate(data, words=target.words, others=pool, choose=chance.randrange)
        finding, outcome = _try(target, data)
        outcomes[outcome] += 1
        if finding is not None and finding not in findings and len(findings) < _MOST_KEPT:
            findings[finding] = data
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{target.name}-{len(findings)}"
            path.write_bytes(data)
            print(f"  {target.name}: {finding}, kept in {path}", flush=True)
        # What is read grows the pool, so that edits add up.
        if outcome == "read" and len(pool) < 500 and chance.random() < 0.02:
            pool.append(data)
    shown = ", ".join(f"{count} {name}" for name, count in outcomes.most_common(8))
    print(f"{target.name}: {outcomes.total()} inputs ({shown}), {len(findings)} findings", flush=True)
    return len(findings)


def main() -> int:
    """Run the targets that are named, all without a name."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", help="its name; all without one")
    parser.add_argument("--minutes", type=float, default=10.0, help="for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"), help="folder for their inputs")
    arguments = parser.parse_args()
    signal.signal(signal.SIGVTALRM, _stop)
    targets = [find_target(name) for name in arguments.target] or list(TARGETS)
    found = [
        fuzz(target, seconds=arguments.minutes * 60, seed=arguments.seed, folder=arguments.findings)
        for target in targets
    ]
    return 1 if any(found) else 0


if __name__ == "__main__":
    sys.exit(main())
