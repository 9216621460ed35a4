"""The page in a headless Chromium: what it shows, its keyboard, and that it loads nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.utils import NormalizedName

from lockfiles import Lockfile
from resolver.index.wheel_directory import WheelContents
from resolver.report.report_data import Report, ReportSource, build_report
from resolver.report.report_page import render_report
from tests.cli.verb_runs import build_web_lock
from tests.lockfiles.samples import INDEX, build_pylock, build_small_lock
from tests.report.locks import GOLDEN, HOSTILE_TEXTS, build_hostile_report, build_large_lock, build_lock, report_on

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="the extra `test` has playwright, which drives the browser"
)
_CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
pytestmark = pytest.mark.skipif(not _CHROMIUM, reason="Chromium is not installed (Debian package `chromium`)")

PHONE = (360, 740)
VIEWS = ("image", "graph", "machines", "changes")


@dataclass
class Page:
    """A report that is open in the browser; `faults` are errors of its console and requests beyond the file."""

    tab: Tab
    faults: list[str] = field(default_factory=list)

    def texts(self, selector: str) -> list[str]:
        return [one.strip() for one in self.tab.locator(selector).all_inner_texts()]

    def rows(self) -> list[str]:
        """The names of the rows of the table, from the top."""
        found: list[str] = self.tab.eval_on_selector_all("#rows tr", "rows => rows.map(row => row.dataset.name)")
        return found

    def focused(self) -> str | None:
        """The name of the pin, or else the id, of the focused element."""
        found: str | None = self.tab.evaluate("document.activeElement.dataset.name ?? document.activeElement.id")
        return found

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)

    def search(self, text: str) -> None:
        self.tab.fill("#search", text)
        self.tab.evaluate("() => new Promise(requestAnimationFrame)")


Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Without a sandbox: containers and root have none.
    with (
        sync_api.sync_playwright() as driver,
        driver.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"]) as opened,
    ):
        yield opened


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a report. At the end of the test, no page may have had a fault."""
    pages: list[Page] = []

    def open_report(
        report: Report, *, size: tuple[int, int] = (1400, 900), scheme: str = "light", address: str = ""
    ) -> Page:
        path = tmp_path / f"{len(pages)}.html"
        path.write_text(render_report(report), encoding="utf-8")
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if scheme == "dark" else "light"
        )
        page = Page(context.new_page())
        pages.append(page)
        page.tab.on("console", lambda message: page.faults.append(f"{message.type}: {message.text}"))
        page.tab.on("pageerror", lambda error: page.faults.append(f"error: {error}"))
        page.tab.on("dialog", lambda dialog: page.faults.append("a dialog"))
        page.tab.on("request", lambda request: page.faults.append(request.url) if request.url[:5] != "file:" else None)
        page.tab.goto(path.as_uri() + address)
        return page

    yield open_report
    assert [page.faults for page in pages if page.faults] == []
    for page in pages:
        page.tab.context.close()


def test_header_has_the_facts_of_the_lock(show: Open) -> None:
    page = show(report_on(GOLDEN / "torch.sm_90.driver-580.toml"))

    facts = dict(zip(page.texts("#facts dt"), page.texts("#facts dd"), strict=True))

    assert facts["torch"] == "2.15.0\nbuilt for cu132"
    assert facts["Machine"] == "sm_90\nH100, H200, H20 +1; driver 580"
    assert facts["Python"].startswith("3.11")
    assert facts["Digest"].startswith("pinfold-v1:sha256:")


def test_area_of_a_tile_is_the_share_of_its_pin(show: Open) -> None:
    lock = build_large_lock(200)
    sizes = {pin.name: pin.download_bytes or 0 for pin in report_on(lock).locks[0].pins}
    page = show(report_on(lock))

    areas = page.tab.eval_on_selector_all(
        "#map [data-name]",
        "tiles => tiles.map(tile => [tile.dataset.name, parseFloat(tile.style.width) * parseFloat(tile.style.height)])",
    )

    assert len(areas) > 50
    for name, area in areas:
        assert area / sizes[name] == pytest.approx(areas[0][1] / sizes[areas[0][0]], rel=1e-3)


def test_squares_of_the_map_cover_it_without_overlap(show: Open) -> None:
    page = show(report_on(build_large_lock(200)))

    boxes = page.tab.eval_on_selector_all(
        "#map button",
        "tiles => tiles.map(tile => ['left', 'top', 'width', 'height'].map(name => parseFloat(tile.style[name])))",
    )
    map_size = page.tab.evaluate(
        "(box => box.width * box.height)(document.querySelector('#map').getBoundingClientRect())"
    )

    assert sum(width * height for _, _, width, height in boxes) == pytest.approx(map_size, rel=1e-5)
    for number, (left, top, width, height) in enumerate(boxes):
        for other_left, other_top, other_width, other_height in boxes[:number]:
            across = min(left + width, other_left + other_width) - max(left, other_left)
            down = min(top + height, other_top + other_height) - max(top, other_top)
            assert min(across, down) < 0.01


def test_search_shows_the_pins_that_have_all_words(show: Open) -> None:
    page = show(report_on(build_web_lock()))

    page.search("http")
    assert page.rows() == ["http"]
    page.search("JSON log")
    assert page.rows() == []
    assert page.texts("#none") == ["No pin has all of these words."]
    page.search("json>=2")
    assert page.rows() == ["json"]
    assert page.texts("#count") == ["1 of 4 pins"]
    assert page.texts("#map button.dim span") == ["http", "30.0 MB"]


def test_heads_of_the_table_sort_it_both_ways(show: Open) -> None:
    page = show(report_on(build_web_lock()))

    page.tab.click("th[data-key=name] button")
    assert page.rows() == ["http", "json", "log", "web"]
    page.tab.click("th[data-key=name] button")
    assert page.rows() == ["web", "log", "json", "http"]
    assert page.tab.get_attribute("th[data-key=name]", "aria-sort") == "descending"
    page.tab.click("th[data-key=brings_bytes] button")
    assert page.rows()[:2] == ["web", "http"]


def test_details_tell_who_asked_and_the_paths(show: Open) -> None:
    page = show(report_on(build_web_lock()))

    page.tab.click("#rows tr[data-name=json]")

    sections = page.texts("#detail section")
    assert "WHO ASKED\nhttp json\nlog json>=2" in sections
    assert "SHORTEST PATHS FROM THE LIST\nlog → json\nweb → http → json" in sections
    assert page.tab.locator("#map [aria-pressed=true]").count() == page.tab.locator("#map [data-name=json]").count()
    page.tab.click("#detail .close")
    assert "What each item of the list brings" in page.texts("#detail")[0]


def test_licence_and_size_that_are_not_known_are_called_so(show: Open) -> None:
    lock = build_small_lock()
    (anyio, idna) = lock.pylock.packages
    assert idna.wheels
    unsized = replace(idna, wheels=[replace(idna.wheels[0], size=None)])
    page = show(report_on(Lockfile(pylock=replace(lock.pylock, packages=[anyio, unsized]), tool=lock.tool)))

    page.tab.click("#rows tr[data-name=idna]")

    assert "Licence\nnot known" in page.texts("#detail")[0]
    assert "1 pin not in the map: the size is not known." in page.texts("#view .note")


def test_keyboard_alone_searches_moves_selects_and_closes(show: Open) -> None:
    page = show(report_on(build_web_lock()))

    page.press("/")
    assert page.focused() == "search"
    page.tab.keyboard.type("lo")
    page.tab.evaluate("() => new Promise(requestAnimationFrame)")
    assert page.rows() == ["log"]
    page.press("Escape")
    page.tab.evaluate("() => new Promise(requestAnimationFrame)")
    assert (page.tab.input_value("#search"), len(page.rows())) == ("", 4)
    page.press("ArrowDown", "ArrowDown", "End")
    assert page.focused() == page.rows()[-1]
    assert page.tab.get_attribute(f"#rows tr[data-name={page.focused()}]", "aria-selected") == "true"
    page.search("log")
    page.search("")
    assert page.tab.locator("#rows [tabindex='0']").count() == 1
    page.tab.focus("#rows [tabindex='0']")
    page.press("Escape")
    assert page.tab.locator("#rows [aria-selected=true]").count() == 0


def test_arrow_keys_move_between_tiles_and_enter_selects(show: Open) -> None:
    page = show(report_on(build_large_lock(30)))
    page.tab.focus("#map button[tabindex='0']")
    first = page.focused()

    page.press("ArrowRight")
    assert page.focused() != first
    assert page.tab.locator("#map button[tabindex='0']").count() == 1
    assert page.tab.locator("#tip").is_visible()
    page.press("Enter")
    assert page.texts("#detail h2")[0].startswith(str(page.focused()))


def test_arrow_keys_move_between_tabs(show: Open) -> None:
    page = show(report_on(build_web_lock(), build_web_lock(http="2.1"), old=build_web_lock(http="1.9")))
    page.tab.focus("#tab-image")

    seen = []
    for _ in range(4):
        page.press("ArrowRight")
        seen.append(page.focused())

    assert seen == ["tab-graph", "tab-machines", "tab-changes", "tab-image"]


def test_graph_has_the_ways_from_the_list_and_what_the_pin_needs(show: Open) -> None:
    page = show(report_on(build_web_lock()))
    page.tab.click("#rows tr[data-name=http]")

    page.tab.click("#tab-graph")
    names = page.tab.eval_on_selector_all("#graph g", "nodes => nodes.map(node => node.dataset.name)")
    assert names == ["web", "http", "json"]
    assert page.tab.locator("#graph path").count() == 2
    page.tab.focus("#graph .here")
    page.press("ArrowRight", "Enter")
    assert page.tab.get_attribute("#graph .here", "data-name") == "json"
    page.search("log")
    page.press("Enter")
    assert page.tab.get_attribute("#graph .here", "data-name") == "log"


def test_search_in_the_graph_lists_pins_and_goes_to_one(show: Open) -> None:
    page = show(report_on(build_web_lock()), address="#view=graph&pin=web")

    assert page.texts("#matches button") == []
    page.search("o")
    assert page.texts("#matches button") == ["json", "log"]
    page.tab.click("#matches button >> text=json")
    assert page.tab.get_attribute("#graph .here", "data-name") == "json"
    page.search("no such pin")
    assert page.texts("#matches *") == []


LINES_UNDER_PINS = """() => [...document.querySelectorAll('#graph path')].flatMap(path => {
  const length = path.getTotalLength(), found = [];
  for (let at = 1; at < length - 1; at += 2) {
    const point = path.getPointAtLength(at);
    for (const node of document.querySelectorAll('#graph rect')) {
      const [x, y, width, height] = ['x', 'y', 'width', 'height'].map(name => Number(node.getAttribute(name)));
      if (point.x > x + 1 && point.x < x + width - 1 && point.y > y + 1 && point.y < y + height - 1) found.push(at);
    }
  }
  return found;
})"""


def test_lines_of_the_graph_pass_beside_pins(show: Open) -> None:
    items, between = [f"item-{number}" for number in range(9)], [f"between-{number}" for number in range(5)]
    needs = {name: ["base", *between[number : number + 1]] for number, name in enumerate(items)}
    needs |= {name: ["base"] for name in between}
    page = show(report_on(build_lock(needs, items)), address="#view=graph&pin=base")

    assert page.tab.locator("#graph path").count() == len(items) + 2 * len(between)
    assert page.tab.evaluate(LINES_UNDER_PINS) == []


def test_locks_side_by_side_begin_with_what_differs(show: Open) -> None:
    page = show(report_on(build_web_lock(), build_web_lock(http="2.1")))

    page.tab.click("#tab-machines")
    assert page.texts("table[aria-label='Pins of all locks'] tbody tr") == ["http\t2.0\n30.0 MB\n\t2.1\n30.0 MB"]
    page.tab.uncheck("#only")
    assert len(page.texts("table[aria-label='Pins of all locks'] tbody tr")) == 4
    page.tab.select_option("#lock", "1")
    assert page.texts("#title")[0].endswith("pylock.1.toml")


def test_many_locks_are_rows_of_which_a_few_are_compared(show: Open) -> None:
    names = ("cpu", "sm_75.driver-535", "sm_80.driver-550", "sm_86.driver-550", "sm_89.driver-580", "sm_90.driver-580")
    page = show(report_on(*(GOLDEN / f"torch.{name}.toml" for name in names)))

    assert page.texts("#title") == ["6 locks"]
    assert page.texts("#locks tr .name") == [f"torch.{name}.toml" for name in names]
    page.search("h100")
    assert page.texts("#locks tr .name") == ["torch.sm_90.driver-580.toml"]
    page.tab.check("#locks input")
    page.search("")
    checked = page.tab.eval_on_selector_all("#locks input", "boxes => boxes.map(box => box.checked)")
    assert checked == [False, True, True, True, False, True]
    page.tab.click("#compare")
    assert page.texts(".facts-side thead th")[1:] == [f"torch.{names[number]}.toml" for number in (1, 2, 3, 5)]
    page.tab.click("#tab-locks")
    page.tab.click("#locks .link >> nth=4")
    assert page.texts("#title") == ["torch.sm_89.driver-580.toml"]
    assert page.tab.evaluate("location.hash") == "#view=image&lock=4"


def test_address_opens_a_pin_of_a_lock(show: Open) -> None:
    page = show(report_on(build_web_lock(), build_web_lock(http="2.1")), address="#lock=1&pin=http")

    assert page.texts("#detail h2") == ["http 2.1"]
    assert page.tab.input_value("#lock") == "1"


def test_changes_against_the_former_lock_have_sizes_and_lines(show: Open) -> None:
    old = build_web_lock()
    packages = [one for one in old.pylock.packages if one.name != "log"]
    page = show(
        report_on(
            Lockfile(pylock=replace(old.pylock, packages=packages), tool=old.tool), old=build_web_lock(http="1.9")
        )
    )

    page.tab.click("#tab-changes")

    assert page.texts("table.changes tbody tr") == ["log removed\t1.0\t\t−1.50 kB", "http changed\t1.9 → 2.0\tweb\t±0"]


def test_hostile_metadata_stays_text(show: Open) -> None:
    page = show(build_hostile_report())

    for view in VIEWS:
        page.tab.click(f"#tab-{view}")
        page.tab.evaluate("() => new Promise(requestAnimationFrame)")
    page.tab.click("#tab-image")
    page.tab.click("#rows tr[data-name=anyio]")

    shown = page.tab.inner_text("body")
    assert all(text in shown for text in HOSTILE_TEXTS[:5])
    assert "a\\u{202e}b\\u{2066}c\\u{2028}d\\u{7}" in shown
    assert page.tab.title().endswith("lock report") and page.tab.title() != "owned"
    assert page.tab.locator("img, iframe, object, [href]:not(.skip):not(link), [onerror]").count() == 0


@pytest.mark.parametrize("size", [PHONE, (768, 1000), (1400, 900)], ids=["phone", "tablet", "desktop"])
def test_page_is_never_wider_than_the_window(show: Open, size: tuple[int, int]) -> None:
    locks = [GOLDEN / name for name in ("torch.sm_90.driver-580.toml", "torch.cpu.toml", "torch.sm_80.driver-550.toml")]
    page = show(report_on(*locks, old=GOLDEN / "torch-2.4.0.sm_80.toml"), size=size, address="#view=graph&pin=torch")

    assert page.tab.get_attribute("#tab-graph", "aria-selected") == "true"
    assert page.texts("#detail h2") == ["torch 2.15.0"]
    for view in VIEWS:
        page.tab.click(f"#tab-{view}")
        assert page.tab.evaluate("document.documentElement.scrollWidth") == size[0]
    many = show(report_on(*locks, *locks), size=size)
    assert many.texts("#title") == ["6 locks"]
    assert many.tab.evaluate("document.documentElement.scrollWidth") == size[0]


@pytest.mark.parametrize("width", [800, 1000, 1120, 1300, 1400, 1800])
def test_names_have_room_beside_the_other_columns(show: Open, width: int) -> None:
    names = ("fastapi", "nvidia-cusparselt", "torch")
    lock = build_lock(dict.fromkeys(names, ()), names)
    source = ReportSource(
        name="pylock.toml",
        lockfile=lock,
        contents={NormalizedName("torch"): WheelContents(unpacked_bytes=1000, modules=(), licence="BSD-3-Clause")},
    )
    page = show(build_report([source], default_index=INDEX), size=(width, 900))

    lines = page.tab.eval_on_selector_all("#rows .name", "names => names.map(name => name.getClientRects().length)")
    assert lines == [1, 1, 1]
    assert set(page.texts(".pins thead th")) >= {"Pin", "Version", "Download", "CUDA", "Licence", "Asked by"}


def test_details_on_a_phone_are_a_sheet_that_gives_the_focus_back(show: Open) -> None:
    page = show(report_on(build_web_lock()), size=PHONE)

    page.tab.click("#rows tr[data-name=json]")
    assert page.tab.evaluate("getComputedStyle(document.querySelector('#detail')).position") == "fixed"
    assert page.tab.evaluate("document.querySelector('#detail').contains(document.activeElement)")
    page.press("Escape")
    assert page.tab.evaluate("getComputedStyle(document.querySelector('#detail')).position") == "static"
    assert page.focused() == "json"


CONTRAST = """() => {
  const light = text => text.match(/[\\d.]+/g).slice(0, 3).map(one => one / 255)
    .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!colour.endsWith(', 0)')) return colour;
    }
    return getComputedStyle(document.body).backgroundColor;
  };
  const low = [];
  for (const element of document.querySelectorAll('body *:not(script):not(noscript):not(svg *)')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!own || !element.offsetParent) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((one, other) => other - one);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.push(element.outerHTML.slice(0, 120));
  }
  return low;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_both_colour_schemes(show: Open, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
    locks = (GOLDEN / "torch.sm_90.driver-580.toml", GOLDEN / "torch.cpu.toml")
    page = show(report_on(*locks, old=GOLDEN / "torch-2.4.0.sm_80.toml"), scheme=scheme, address="#pin=torch")

    for view in VIEWS:
        page.tab.click(f"#tab-{view}")
        assert page.tab.evaluate(CONTRAST) == []
    ground = page.tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(15, 18, 22)" if scheme == "dark" else "rgb(246, 247, 249)")


def test_thousand_pins_are_shown_as_far_as_one_looks(show: Open) -> None:
    page = show(report_on(build_large_lock()))

    assert page.texts("#count") == ["1000 pins"]
    assert page.tab.locator("#map [data-smaller]").count() == 1
    assert len(page.rows()) == 120
    page.tab.locator("#end").scroll_into_view_if_needed()
    page.tab.locator("#rows tr").nth(200).wait_for()
    page.search("project-0042")
    assert "project-0042" in page.rows()
    assert len(page.rows()) < 20
    page.search("")
    page.tab.focus("#rows tr")
    page.press("End")
    assert len(page.rows()) == 1000
    assert page.focused() == page.rows()[-1]
    assert page.texts("#detail h2")[0].startswith(str(page.focused()))


def test_report_without_locks_or_pins_tells_so(show: Open) -> None:
    assert show(report_on()).texts("#view") == ["This report has no locks."]

    page = show(report_on(Lockfile(pylock=build_pylock())))
    assert page.texts("#view") == ["This lock has no pins."]
    page.search("any")
    assert page.texts("#count") == ["0 pins"]


def test_lock_of_another_tool_has_no_list(show: Open) -> None:
    page = show(report_on(Lockfile(pylock=build_web_lock().pylock)))

    facts = dict(zip(page.texts("#facts dt"), page.texts("#facts dd"), strict=True))
    assert facts["Pins"] == "4\n2 that no other pin needs"
    assert facts["Python"] == "==3.11.*\nplatform not known"
