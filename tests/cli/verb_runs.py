"""Verbs over a lock as a user calls them: without the options that `Project.lock` adds."""

from __future__ import annotations

from resolver.cli.main import main
from tests.command import Project, Run

__all__ = ["parts", "run_verb"]


def run_verb(project: Project, *argv: str, within: str = ".") -> Run:
    """Run a verb in this process, inside the folder."""
    project.monkeypatch.chdir(project.folder / within)
    project.capture.readouterr()
    code = main(argv)
    out, err = project.capture.readouterr()
    return Run(code=code, out=project.fix(out), err=project.fix(err))


def parts(
    what: str, *, where: str | None = None, why: str | None = None, remedy: str | None = None
) -> dict[str, object]:
    """The parts that `--json` has for an error of one fault, as data."""
    shown = {"what": what, "where": where, "why": why, "remedy": remedy}
    return {**shown, "faults": [{**shown, "involved": [], "details": [], "other_remedies": [], "quoted": []}]}
