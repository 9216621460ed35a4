from __future__ import annotations

from pathlib import Path

import pytest

from resolver.artifacts.hydrating import hydrate
from resolver.errors import InputError
from resolver.fetch.access import Access
from tests.lockfiles.samples import build_full_lock


def test_file_that_cannot_be_written_is_told_without_its_text_in_any_frame(tmp_path: Path) -> None:
    place = tmp_path / "pylock.hydrated.toml"
    (place / "taken").mkdir(parents=True)
    with pytest.raises(InputError) as raised:
        hydrate(build_full_lock(), place, access=Access())
    assert str(raised.value) == (
        "`pylock.hydrated.toml` cannot be written: is a directory\n  try: another place, with `-o`"
    )
    assert raised.value.__context__ is None
    for frame in raised.traceback[1:]:
        assert "lock-version" not in repr(frame.locals)
    assert [path.name for path in tmp_path.iterdir()] == [place.name]
