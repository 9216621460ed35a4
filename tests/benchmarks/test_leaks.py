"""The search for leaked secrets finds what is hidden, and nothing else."""

from __future__ import annotations

import base64
import gzip
import zlib
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from benchmarks.leak_host import KINDS, PrivateHost
from benchmarks.leaks import Finding, find_forms, holds

CANARY = "c4n4ry0123456789"


@pytest.mark.parametrize("before", ["", "u", "us", "usr:"])
def test_search_finds_a_secret_in_base64_at_any_offset(before: str) -> None:
    assert holds(base64.b64encode(f"{before}{CANARY}:more".encode()), find_forms(CANARY))


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_search_looks_into_compressed_streams(pack: object) -> None:
    assert callable(pack)
    assert holds(b"head" + pack(f"url = {CANARY}".encode()) + b"tail", find_forms(CANARY))


def test_search_finds_a_secret_that_is_percent_encoded_throughout() -> None:
    assert holds("".join(f"%{ord(character):02x}" for character in CANARY).encode(), find_forms(CANARY))


def test_search_finds_nothing_in_what_is_clean() -> None:
    assert not holds(b"\x1f\x8b\x08 broken x\x9c c4n4ry" + base64.b64encode(b"something else"), find_forms(CANARY))


def test_finding_without_a_lock_says_so() -> None:
    assert [str(Finding(places="LO", locked=True)), str(Finding(places="", locked=True))] == ["LO", "·"]
    assert str(Finding(places="O", locked=False)) == "?O"


def test_host_refuses_whoever_lacks_the_secret(tmp_path: Path) -> None:
    with PrivateHost(tmp_path, CANARY) as host:
        login = base64.b64encode(f"robot:{CANARY}".encode()).decode()
        allowed = Request(f"http://{host.address}/basic/simple/alpha/", headers={"Authorization": f"Basic {login}"})
        assert b"alpha-1.0-py3-none-any.whl" in urlopen(allowed).read()
        assert host.find("/basic/simple/alpha/", "")[0] == 401
        assert host.find("/signed/epsilon-1.0-py3-none-any.whl", "")[0] == 403
        assert host.run_git("GET", "/git/eta.git/info/refs?service=git-upload-pack", {}, b"")[0] == 401


def test_each_kind_names_its_secret_in_its_list_or_in_the_environment() -> None:
    for kind in KINDS:
        assert (CANARY in kind.lines("host.example", CANARY)) != (kind.variable is not None)
