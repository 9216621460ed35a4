"""A report on locks for people, as one page.

`report_data` finds the facts, which are values and one JSON document (`report.schema.json`); `report_page` puts that
document into the page (`page.html`, `page.css`, `page.js`). The page knows the schema alone, so that whatever else
writes such a document has a page as well.

The names that programs use; they are imported from their modules when they are first used, as those of `resolver`.
"""

from __future__ import annotations

from lockfiles._values import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from resolver.report.report_data import Report as Report
    from resolver.report.report_data import ReportSource as ReportSource
    from resolver.report.report_data import build_report as build_report
    from resolver.report.report_page import render_report as render_report

_NAMES_BY_MODULE = {
    "resolver.report.report_data": ("Report", "ReportSource", "build_report"),
    "resolver.report.report_page": ("render_report",),
}

__all__ = sorted(name for names in _NAMES_BY_MODULE.values() for name in names)  # noqa: PLE0605 - a list all the same

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(globals(), _NAMES_BY_MODULE)
