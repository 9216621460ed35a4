"""Secrets that change, and branches that move: what a lock and its digest make of each."""

from __future__ import annotations

from lockfiles import digest, read
from tests.canary.planted import Canary
from tests.canary.world import World


def test_rotated_tokens_and_new_signatures_change_nothing(locked: World) -> None:
    before, old_digest = locked.lockfile.read_bytes(), digest(read(locked.lockfile))
    old = Canary.INDEX_LOGIN.text
    locked.rotate()
    assert Canary.INDEX_LOGIN.text != old
    for host in locked.hosts.all():
        host.log.clear()
    locked.hosts.git.log.clear()

    run = locked.lock("-vv")

    assert run.code == 0, run.err
    assert locked.lockfile.read_bytes() == before
    assert digest(read(locked.lockfile)) == old_digest
    asked = [row for host in locked.hosts.all() for row in host.log]
    assert {row.status for row in asked} <= {200, 206, 302, 304, 401, 404}
    # The run before has had a refusal of the host in the keyring, so that its login is sent at once.
    assert [host for host in locked.hosts.all() if 401 in {row.status for row in host.log}] == []
    # What is known of a file or commit is known to the login that fetched it: a new one reads it anew.
    assert [path for path in locked.hosts.git.paths() if path.endswith("git-upload-pack")] != []
    assert locked.find_leaks() == []


def test_moved_branch_changes_nothing_until_it_is_asked_for(locked: World) -> None:
    before, old_digest = locked.lockfile.read_bytes(), digest(read(locked.lockfile))
    commit_id = locked.hosts.repository.commit({"new.txt": "new"})

    kept = locked.lock("-vv")
    assert kept.code == 0, kept.err
    assert locked.lockfile.read_bytes() == before

    renewed = locked.lock("-vv", "-P", "git-token")
    assert renewed.code == 0, renewed.err
    assert locked.lockfile.read_bytes() != before
    assert commit_id.encode() in locked.lockfile.read_bytes()
    assert digest(read(locked.lockfile)) != old_digest
    assert locked.find_leaks() == []
