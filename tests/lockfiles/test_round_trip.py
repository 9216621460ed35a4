from lockfiles import Lockfile, dumps, loads
from tests.lockfiles.samples import build_full_lock, build_small_lock


def test_a_written_lock_reads_back_as_the_same_text() -> None:
    for lock in (build_small_lock(), build_full_lock()):
        text = dumps(lock)
        assert dumps(loads(text)) == text


def test_a_small_lock_reads_back_as_an_equal_value() -> None:
    lock = build_small_lock()
    assert loads(dumps(lock)) == lock


def test_every_key_of_the_tool_table_reads_back() -> None:
    lock = build_full_lock()
    assert lock.tool is not None
    read_back = loads(dumps(lock)).tool
    assert read_back is not None
    fields = ("accelerator", "extras", "settings", "requested_by", "build", "layers", "requirements", "credentials")
    assert {key: getattr(read_back, key) for key in fields} == {key: getattr(lock.tool, key) for key in fields}


def test_a_lock_without_our_table_reads_with_no_tool() -> None:
    lock = loads('lock-version = "1.0"\ncreated-by = "pip"\npackages = []\n')
    assert isinstance(lock, Lockfile)
    assert lock.tool is None
