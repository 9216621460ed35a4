"""Signatures, literal secrets and the hosts that need credentials, from the URLs of plans."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver import Access
from resolver.errors import FetchError, ListError
from resolver.locking.document import RecordedInputs, build_lockfile
from resolver.locking.plan_secrets import (
    build_credentials,
    check_signatures,
    find_needed_credentials,
    list_literal_warnings,
    open_session,
)
from resolver.requirements.entry import RequirementList
from resolver.settings.settings import Settings
from resolver.solve.resolution import Resolution
from tests.lock_samples import TARGET, build_file, build_pin
from tests.planning.plans import NOW, make_plan

WHEEL = "b-1.0-py3-none-any.whl"


def sign(started: str, seconds: int) -> str:
    """A pre-signed URL of a wheel."""
    signature = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={started}&X-Amz-Expires={seconds}"
    return f"b @ https://bucket.s3.amazonaws.com/{WHEEL}?{signature}&X-Amz-Credential=AKIA&X-Amz-Signature={'0' * 64}"


def test_a_signature_with_time_left_is_no_warning(tmp_path: Path) -> None:
    assert check_signatures(make_plan(tmp_path, sign("20260510T000000Z", 86400)), now=NOW) == ()
    assert check_signatures(make_plan(tmp_path, "b"), now=NOW) == ()


def test_a_signature_that_ends_within_an_hour_is_a_warning(tmp_path: Path) -> None:
    (warning,) = check_signatures(make_plan(tmp_path, sign("20260510T000000Z", 600)), now=NOW)
    assert warning.startswith("requirements[0]: the signature of `https://bucket.s3.amazonaws.com/")
    assert warning.endswith("ends in 10 min, at 2026-05-10 00:10 UTC")
    assert "0" * 64 not in warning


def test_signatures_that_have_ended_are_reported_together(tmp_path: Path) -> None:
    ended = sign("20260509T000000Z", 600)
    plan = make_plan(tmp_path, ended, ended.replace("b @", "c @").replace("/b-", "/c-"))
    with pytest.raises(FetchError) as caught:
        check_signatures(plan, now=NOW)
    text = str(caught.value)
    assert text.count("has expired: it was good until 2026-05-09 00:10 UTC") == 2
    assert text.count("sign the URLs anew; the lock does not change by that") == 1


def test_each_form_of_literal_secret_is_one_warning_with_all_its_places(tmp_path: Path) -> None:
    plan = make_plan(
        tmp_path,
        f"b @ https://me:hunter2@files.example/{WHEEL}",
        "c @ https://me:hunter2@files.example/c-1.0-py3-none-any.whl",
    )
    (warning,) = list_literal_warnings(plan)
    assert warning.startswith("requirements[0], requirements[1]: ")
    assert "which stays in that file" in warning
    assert "hunter2" not in warning


RANDOM = "9f86d081884c7d659a2feaa0c55ad015"


def test_a_query_that_looks_random_is_withheld_with_the_setting_that_keeps_it(tmp_path: Path) -> None:
    items = (f"b @ https://files.example/{WHEEL}?id={RANDOM}", f"c @ https://files.example/c-1.0.zip?id={RANDOM}")
    assert list_literal_warnings(make_plan(tmp_path, *items)) == (
        "requirements[0], requirements[1]: the query `id` of a URL is not in the lock\n"
        "  because it looks random like a secret, and is no parameter that pinfold knows\n"
        '  try: `public-queries = ["id"]` in [tool.pinfold] keeps it, if it is public',
    )
    plan = make_plan(tmp_path, *items, settings=Settings(public_queries=("id",)))
    assert list_literal_warnings(plan) == ()
    (entry, _) = plan.requirement_list.entries
    assert entry.text == items[0]


def test_a_query_without_a_name_is_withheld_without_its_value(tmp_path: Path) -> None:
    (warning,) = list_literal_warnings(make_plan(tmp_path, f"b @ https://files.example/{WHEEL}?{RANDOM}"))
    assert warning.startswith("requirements[0]: a query of a URL is not in the lock\n")
    assert RANDOM not in warning


def test_files_that_differ_by_a_withheld_query_are_refused(tmp_path: Path) -> None:
    items = (
        f"b @ https://files.example/download.zip?id={RANDOM}",
        f"c @ https://files.example/download.zip?id={RANDOM[::-1]}",
    )
    with pytest.raises(ListError) as caught:
        build_credentials([make_plan(tmp_path, *items)])
    assert str(caught.value) == (
        "requirements[1]: `https://files.example/download.zip` is the URL of two files without its query\n"
        "  because the value of the query looks random, so the lock would not have it; the other is requirements[0]\n"
        '  try: `public-queries = ["id"]` in [tool.pinfold], if it is no secret'
    )
    build_credentials([make_plan(tmp_path, *items, settings=Settings(public_queries=("id",)))])
    build_credentials([make_plan(tmp_path, items[0], items[0].replace("b @", "c @"))])


def test_a_lock_names_the_host_of_a_withheld_query(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, f"b @ https://files.example/{WHEEL}?id={RANDOM}")
    lock = build_lockfile(
        Resolution(pins=(build_pin(build_file(WHEEL, "1.0", url=f"https://files.example/{WHEEL}")),)),
        target=TARGET,
        requirement_list=RequirementList(layers=()),
        inputs=RecordedInputs(layers=(), settings={}),
    )
    assert find_needed_credentials(plan, lock) == ("files.example",)


def test_a_variable_is_no_literal_secret(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, f"b @ https://${{TOKEN}}@files.example/{WHEEL}", variables={"TOKEN": "hunter2"})
    assert list_literal_warnings(plan) == ()


def test_a_lock_names_the_hosts_of_its_files_that_need_credentials(tmp_path: Path) -> None:
    plan = make_plan(
        tmp_path,
        f"b @ https://${{TOKEN}}@files.example/{WHEEL}",
        settings=Settings(index_url="https://me:hunter2@elsewhere.example/simple"),
        variables={"TOKEN": "hunter2"},
        bindings=["TOKEN=files.example"],
    )
    lock = build_lockfile(
        Resolution(pins=(build_pin(build_file(WHEEL, "1.0", url=f"https://files.example/{WHEEL}")),)),
        target=TARGET,
        requirement_list=RequirementList(layers=()),
        inputs=RecordedInputs(layers=(), settings={}),
    )
    assert find_needed_credentials(plan, lock) == ("files.example (${TOKEN})",)


def test_credentials_of_a_list_are_found_by_host(tmp_path: Path) -> None:
    item = f"b @ https://${{TOKEN}}@files.example/{WHEEL}"
    plan = make_plan(tmp_path, item, variables={"TOKEN": "hunter2"}, bindings=["TOKEN=files.example"])
    credentials = build_credentials([plan])
    assert credentials.find("https://files.example/other.whl") is not None
    assert credentials.find("https://other.example/") is None


def test_a_session_announces_signatures_that_end_soon(tmp_path: Path) -> None:
    lines: list[str] = []
    plan = make_plan(tmp_path, sign("20260510T000000Z", 600))
    with open_session(Access(announce=lines.append, clock=lambda: NOW), lists=[plan]):
        pass
    (line,) = lines
    assert line.startswith("warning: requirements[0]: the signature of ")
