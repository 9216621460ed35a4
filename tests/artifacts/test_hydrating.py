from __future__ import annotations

from pathlib import Path

import pytest

from lockfiles import Lockfile
from resolver.artifacts.hydrating import hydrate
from resolver.errors import InputError
from resolver.fetch.access import Access, LoginOptions
from tests.lockfiles.samples import build_package, build_pylock


def test_file_that_cannot_be_written_is_told_without_its_text_in_any_frame(tmp_path: Path) -> None:
    lockfile = Lockfile(pylock=build_pylock(build_package("a", "1.0")))
    logins = tmp_path / "logins.netrc"
    logins.write_text("machine files.example login user password canary\n")
    logins.chmod(0o600)
    access = Access(logins=LoginOptions(file=logins))
    assert hydrate(lockfile, tmp_path / "pylock.other.toml", access=access).replaced == ("a",)
    assert "canary" in (tmp_path / "pylock.other.toml").read_text()

    place = tmp_path / "pylock.hydrated.toml"
    (place / "taken").mkdir(parents=True)
    with pytest.raises(InputError) as raised:
        hydrate(lockfile, place, access=access)
    assert str(raised.value) == (
        "`pylock.hydrated.toml` cannot be written: is a directory\n  try: another place, with `-o`"
    )
    assert raised.value.__context__ is None
    for frame in raised.traceback[1:]:
        assert "canary" not in repr(frame.locals)
    assert sorted(path.name for path in tmp_path.iterdir()) == [logins.name, place.name, "pylock.other.toml"]
