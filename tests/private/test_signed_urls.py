"""Wheels by signed URL, from an S3 server that verifies what it is told."""

from __future__ import annotations

import hashlib
import html
import logging
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import pytest

from lockfiles import digest
from tests.cli.verb_runs import run_verb
from tests.command import Project
from tests.private.buckets import Bucket
from tests.private.conftest import PASSWORD, USER
from tests.private.indexes import PrivateIndex
from tests.private.leaks import find_leaks, spell
from tests.servers import Answer

ACME, CORE = "acme-1.0-py3-none-any.whl", "acme_core-1.2+cu124-py3-none-any.whl"
LOCK = "pylock.requirements.toml"


def signatures(*urls: str) -> list[str]:
    """The parts of signed URLs that authorise."""
    names = ("X-Amz-Signature", "X-Amz-Credential", "Signature", "AWSAccessKeyId", "X-Amz-Security-Token")
    return [value for url in urls for name, value in parse_qsl(urlsplit(url).query) if name in names]


@pytest.mark.parametrize("version", ["2", "4"])
def test_signed_wheels_are_locked_without_signature_and_asked_with_get_alone(
    project: Project, bucket: Bucket, version: Literal["2", "4"]
) -> None:
    urls = [bucket.sign(name, version=version) for name in (ACME, CORE)]
    project.write("requirements.in", "\n".join(("--no-index", *(f"{url}" for url in urls))))

    run = project.lock("requirements.in")

    assert (run.code, "error" in run.err) == (0, False), run.err
    assert f'url = "{bucket.url(ACME)}"' in (project.folder / LOCK).read_text()
    assert {request.method for request in bucket.log} == {"GET"}
    assert find_leaks([project.folder, project.cache], signatures(*urls)) == ["requirements.in"]
    assert not any(signature in run.out + run.err for signature in signatures(*urls))


def test_urls_signed_anew_leave_the_lock_as_it_was_and_download_nothing(project: Project, bucket: Bucket) -> None:
    for age_s in (600, 0):
        urls = [bucket.sign(name, age_s=age_s) for name in (ACME, CORE)]
        project.write("requirements.in", "\n".join(("--no-index", *urls)))
        run = project.lock("requirements.in")
        assert run.code == 0, run.err
        if age_s:
            first = (
                (project.folder / LOCK).read_bytes(),
                digest(project.load(LOCK)),
            )
            bucket.log.clear()

    assert (
        (project.folder / LOCK).read_bytes(),
        digest(project.load(LOCK)),
    ) == first
    assert bucket.downloads == []
    assert find_leaks([project.folder, project.cache], signatures(*urls)) == ["requirements.in"]


def test_expired_signature_is_4_before_anybody_is_asked(project: Project, bucket: Bucket) -> None:
    urls = [bucket.sign(ACME, age_s=7260), bucket.sign(CORE, age_s=7260)]
    project.write("requirements.in", "\n".join(("--no-index", *urls)))
    ended = [_find_end(url) for url in urls]

    run = project.lock("requirements.in")

    assert (run.code, bucket.log) == (4, [])
    assert run.err == (
        f"error: requirements.in:2: the signature of `{bucket.url(ACME)}` has expired: it was good until {ended[0]}\n"
        f"requirements.in:3: the signature of `{bucket.url(CORE)}` has expired: it was good until {ended[1]}\n"
        "  try: sign the URLs anew; the lock does not change by that\n"
    )


def test_signature_that_ends_soon_is_a_warning(project: Project, bucket: Bucket) -> None:
    url = bucket.sign(CORE, lifetime_s=1830)
    project.write("requirements.in", f"--no-index\n{url}")

    run = project.lock("requirements.in")

    assert run.code == 0, run.err
    assert (
        f"warning: requirements.in:2: the signature of `{bucket.url(CORE)}` ends in 30 min, at {_find_end(url)}\n"
        in run.err
    )


def test_signature_that_does_not_match_is_told_as_such(project: Project, bucket: Bucket) -> None:
    url = bucket.sign(CORE).replace("X-Amz-Signature=", "X-Amz-Signature=0")
    project.write("requirements.in", f"--no-index\n{url}")

    run = project.lock("requirements.in")

    assert (run.code, len(bucket.log)) == (4, 1)
    assert (
        f"`127.0.0.1` refuses the URL: status 403 for {bucket.url(CORE)}\n"
        "  because its signature does not match: the URL was changed or cut after it was signed\n"
        "  try: sign the URL anew; the lock does not change by that\n"
    ) in run.err


def test_index_whose_links_are_signed_is_locked_by_its_canonical_links(project: Project, bucket: Bucket) -> None:
    locks = []
    for age_s in (600, 0):
        links = {name: bucket.sign(name, age_s=age_s) for name in (ACME, CORE)}
        for project_name, name in (("acme", ACME), ("acme-core", CORE)):
            page = f'<!DOCTYPE html><a href="{html.escape(links[name])}">{name}</a>'
            project.server.always[f"/simple/{project_name}/"] = Answer(
                body=page.encode(), headers={"Content-Type": "text/html", "Cache-Control": "max-age=600", "ETag": '"1"'}
            )
        project.write_list("acme")
        run = project.lock("requirements.txt")
        assert run.code == 0, run.err
        locks.append((project.folder / "pylock.toml").read_bytes())
        if age_s:
            assert len(bucket.downloads) == 2
            bucket.log.clear()

    assert locks[0] == locks[1]
    assert f'url = "{bucket.url(CORE)}"'.encode() in locks[0]
    assert bucket.downloads == []
    assert find_leaks([project.folder, project.cache], signatures(*links.values())) == []


def test_fetch_takes_the_signed_links_of_an_index_whose_files_want_one(project: Project, bucket: Bucket) -> None:
    links = {name: bucket.sign(filename) for name, filename in (("acme", ACME), ("acme-core", CORE))}
    for (name, link), filename in zip(links.items(), (ACME, CORE), strict=True):
        page = f'<!DOCTYPE html><a href="{html.escape(link)}">{filename}</a>'
        project.server.always[f"/simple/{name}/"] = Answer(body=page.encode(), headers={"Content-Type": "text/html"})
    project.write_list("acme")
    assert project.lock("requirements.txt").code == 0

    run = run_verb(project, "fetch", "--to", "wheels", "--allow-host", "127.0.0.1")

    assert run.code == 0, run.err
    assert sorted(path.name for path in (project.folder / "wheels").glob("*.whl")) == [ACME, CORE]
    assert find_leaks([project.folder, project.cache], signatures(*links.values())) == []


def test_nothing_logs_a_signature_or_a_password_even_at_debug(
    project: Project, bucket: Bucket, private: PrivateIndex, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = bucket.sign(ACME)
    project.write("requirements.in", f"--index-url {private.url(f'{USER}:{PASSWORD}')}\n{url}\n")

    run = project.lock("requirements.in")

    assert run.code == 0, run.err
    secrets = (PASSWORD, *signatures(url))
    told = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records).encode()
    assert b"httpcore" in told
    assert not any(spelling in told for secret in secrets for spelling in spell(secret))


def test_redirect_to_a_signed_url_is_locked_by_its_own_and_takes_no_password_along(
    project: Project, bucket: Bucket
) -> None:
    target = bucket.sign(CORE)
    path = f"/moved/{CORE}"
    project.server.always[path] = Answer(status=302, headers={"Location": target})
    url = f"{project.server.base_url}{path}"
    project.write("requirements.in", f"--no-index\n{url.replace('//', f'//{USER}:{PASSWORD}@')}\n")

    run = project.lock("requirements.in")

    assert run.code == 0, run.err
    assert f'url = "{url}"' in (project.folder / LOCK).read_text()
    assert {request.status for request in bucket.log} <= {200, 206}
    assert find_leaks([project.folder, project.cache], [*signatures(target), PASSWORD]) == ["requirements.in"]


@pytest.mark.parametrize("fault", ["drop", "cut", "longer", "other range", "refused range"])
def test_bucket_that_misbehaves_leaves_no_secret_and_no_lie(project: Project, bucket: Bucket, fault: str) -> None:
    url = bucket.sign(CORE)
    bucket.faults = [fault] * 3
    project.write("requirements.in", f"--no-index\n{url}\n")

    run = project.lock("requirements.in", "--json")

    assert run.code in (0, 4), run.err
    assert find_leaks([project.folder, project.cache], signatures(url)) == ["requirements.in"]
    assert not any(signature in run.out + run.err for signature in signatures(url))
    if run.code == 0:
        file = next(file for _, file in project.load(LOCK).iter_files())
        assert (file.size, file.hashes["sha256"]) == (len(bucket.contents[CORE]), _hash(bucket.contents[CORE]))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _find_end(url: str) -> str:
    query = dict(parse_qsl(urlsplit(url).query))
    made = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    return f"{datetime.fromtimestamp(made + int(query['X-Amz-Expires']), UTC):%Y-%m-%d %H:%M} UTC"
