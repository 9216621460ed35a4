"""Solving what was solved before: an answer is used again where nothing that it rests on has changed.

The result is that of a new search, because the same problem and the same pages have one solution. Where anything may
have changed, a search is made.
"""

from __future__ import annotations

from collections.abc import Callable

from resolver.index.package_source import PackageSource
from resolver.solve.problem import Problem
from resolver.solve.question_text import render_question
from resolver.solve.resolution import Resolution
from resolver.solve.resolution_text import dump_resolution, load_resolution

__all__ = ["solve_or_remember"]


def solve_or_remember(
    problem: Problem, source: PackageSource, solve: Callable[[], Resolution], *, behind: object
) -> Resolution:
    """What `solve` gives: kept from an earlier run, or now. The files of the pins are complete.

    `behind` is what decides `problem.locations` and all else that is in neither the problem nor the source.
    """
    answers = source.answers
    question = None if answers is None or problem.require_hashes else render_question(problem, behind)
    if answers is None or question is None:
        return solve()
    answer = answers.find_answer(question)
    if answer is not None:
        try:
            return load_resolution(answer, problem.roots)
        except (ValueError, TypeError, LookupError):
            pass  # Not what was written: as if there were none.
    resolution = solve()
    text = None if any(pin.built for pin in resolution.pins) else dump_resolution(resolution, problem.roots)
    if text is not None:
        answers.keep_answer(question, text)
    return resolution
