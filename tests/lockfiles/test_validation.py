"""What reading refuses, each with its document path and the whole message."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from packaging.markers import Marker

from lockfiles import dumps, loads, read
from lockfiles.errors import InvalidLockfileError, LockfileSyntaxError, UnsupportedLockfileError
from lockfiles.lockfile import build_document
from tests.foreign_words import find_words_in_a_sentence
from tests.lockfiles.samples import COMMIT, FILES, build_full_lock, build_small_lock

Document = dict[str, Any]
REACH = "which would reach everybody who reads the lock"


def edited(change: Callable[[Document], object], *, full: bool = False) -> str:
    """The text of a sample lock after one change to its document."""
    document = build_document(build_full_lock() if full else build_small_lock())
    change(document)
    return tomli_w.dumps(document)


def faults_of(text: str) -> list[str]:
    with pytest.raises(InvalidLockfileError) as caught:
        loads(text)
    return [str(fault) for fault in caught.value.faults]


def wheel(document: Document, number: int = 0) -> Document:
    found: Document = document["packages"][number]["wheels"][0]
    return found


def with_wheel(**changes: object) -> dict[str, Any]:
    """`[[tool.pinfold.build-wheels]]` with one wheel and changes to it; None takes a key away."""
    wheel: dict[str, object] = {
        "name": "tool",
        "version": "1.0",
        "file": "tool-1.0-py3-none-any.whl",
        "url": "https://files.example/tool-1.0-py3-none-any.whl",
        "size": 1000,
        "sha256": "a" * 64,
    }
    wheel.update(changes)
    return {"build-wheels": [{key: value for key, value in wheel.items() if value is not None}]}


def test_a_missing_key_is_named() -> None:
    assert faults_of(edited(lambda document: document.pop("created-by"))) == ["created-by: missing required value"]


def test_a_wrong_type_deep_inside_is_named() -> None:
    text = edited(lambda document: wheel(document, 1).update(size="large"))
    assert faults_of(text) == ["packages[1].wheels[0].size: unexpected type str (expected int)"]


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("https://user:secret@files.example/anyio-4.4.0-py3-none-any.whl", "user information"),
        ("https://glpat-secret@files.example/anyio-4.4.0-py3-none-any.whl", "user information"),
        (
            "https://files.example/anyio-4.4.0-py3-none-any.whl?X-Amz-Signature=secret",
            "query parameter `x-amz-signature`",
        ),
        ("https://files.example/anyio-4.4.0-py3-none-any.whl?a=1&sig=secret", "query parameter `sig`"),
        ("https://files.example/anyio-4.4.0-py3-none-any.whl?%73ig=secret", "query parameter `sig`"),
        ("https://files.example/anyio-4.4.0-py3-none-any.whl#token=secret", "query parameter `token`"),
    ],
)
def test_a_secret_in_a_file_url_is_refused_without_being_shown(url: str, part: str) -> None:
    text = edited(lambda document: wheel(document).update(url=url))
    assert faults_of(text) == [f"packages[0].wheels[0].url: holds a URL with {part}, {REACH}"]


def test_a_secret_in_any_other_text_is_refused() -> None:
    def add_secrets(document: Document) -> None:
        document["packages"][0]["index"] = "https://user:secret@index.example/simple/"
        document["tool"]["pinfold"]["requirements"] = [["app @ https://token@files.example/app.zip"]]
        document["tool"]["other"] = {"note": "see https://a:b@files.example/"}

    message = f"holds a URL with user information, {REACH}"
    assert faults_of(edited(add_secrets)) == [
        f"packages[0].index: {message}",
        f"tool.pinfold.requirements[0][0]: {message}",
        f"tool.other.note: {message}",
    ]


def test_variables_and_ssh_users_are_no_secrets() -> None:
    def add_urls(document: Document) -> None:
        document["tool"]["pinfold"]["requirements"] = [
            [
                "app @ https://${USER}:${TOKEN}@files.example/app.zip",
                "lib @ git+ssh://git@git.example/team/lib.git",
                "dat @ https://files.example/dat.zip?token=${TOKEN}",
            ]
        ]

    assert loads(edited(add_urls)).tool is not None


def test_a_password_before_an_ssh_host_is_a_secret() -> None:
    text = edited(
        lambda document: document["tool"]["pinfold"].update(requirements=[["git+ssh://git:pw@git.example/a"]])
    )
    assert faults_of(text) == [f"tool.pinfold.requirements[0][0]: holds a URL with user information, {REACH}"]


def test_md5_alone_is_refused() -> None:
    text = edited(lambda document: wheel(document).update(hashes={"md5": "0" * 32}))
    assert faults_of(text) == ["packages[0].wheels[0].hashes: no `sha256`, only `md5`"]


@pytest.mark.parametrize("digest", ["a" * 63, "A" * 64, "g" * 64, ""])
def test_a_sha256_is_64_digits_of_lower_case_hex(digest: str) -> None:
    text = edited(lambda document: wheel(document).update(hashes={"sha256": digest}))
    assert faults_of(text) == ["packages[0].wheels[0].hashes.sha256: a `sha256` is 64 digits of lower-case hex"]


def test_a_second_hash_is_checked_as_well() -> None:
    text = edited(lambda document: wheel(document).update(hashes={"sha256": "a" * 64, "sha512": "a" * 64}))
    assert faults_of(text) == ["packages[0].wheels[0].hashes.sha512: a `sha512` is 128 digits of lower-case hex"]


def test_a_branch_is_no_commit_id() -> None:
    text = edited(lambda document: document["packages"][1]["vcs"].update({"commit-id": "main"}), full=True)
    assert faults_of(text) == [
        "packages[1].vcs.commit-id: `main` is no commit id (40 or 64 digits of lower-case hex): "
        "a branch or tag can move"
    ]


def test_a_commit_id_may_be_a_sha256() -> None:
    text = edited(lambda document: document["packages"][1]["vcs"].update({"commit-id": "0" * 64}), full=True)
    assert loads(text).pylock.packages[1].name == "app"


def test_one_package_twice_is_refused() -> None:
    text = edited(lambda document: document["packages"].append(document["packages"][0]))
    assert faults_of(text) == ["packages[2]: `anyio` is also `packages[0]`, and no marker tells when to install which"]


def test_one_package_twice_under_different_markers_is_read() -> None:
    def split(document: Document) -> None:
        twin = {**document["packages"][0], "marker": 'sys_platform == "win32"'}
        document["packages"][0]["marker"] = 'sys_platform == "linux"'
        document["packages"].append(twin)

    assert [package.name for package in loads(edited(split)).pylock.packages] == ["anyio", "idna", "anyio"]


def test_one_package_twice_under_one_marker_is_refused() -> None:
    def repeat(document: Document) -> None:
        document["packages"][0]["marker"] = 'sys_platform == "linux"'
        document["packages"].append(dict(document["packages"][0]))

    assert faults_of(edited(repeat)) == [
        "packages[2]: `anyio` is also `packages[0]`, and no marker tells when to install which"
    ]


def test_one_wheel_twice_is_refused() -> None:
    text = edited(lambda document: document["packages"][0]["wheels"].append(dict(wheel(document))))
    assert faults_of(text) == ["packages[0].wheels[1]: `anyio-4.4.0-py3-none-any.whl` is also `wheels[0]`"]


def test_a_file_of_another_project_is_refused() -> None:
    text = edited(lambda document: wheel(document).update(name="trio-4.4.0-py3-none-any.whl"))
    assert faults_of(text) == [
        "packages[0].wheels[0]: name in 'trio-4.4.0-py3-none-any.whl' is not consistent with package name 'anyio'"
    ]


def test_a_file_of_another_version_is_refused() -> None:
    text = edited(lambda document: wheel(document).update(name="anyio-4.5.0-py3-none-any.whl"))
    assert faults_of(text) == [
        "packages[0].wheels[0]: version in 'anyio-4.5.0-py3-none-any.whl' is not consistent "
        "with package version '4.4.0'"
    ]


def test_a_file_name_with_a_folder_is_refused() -> None:
    text = edited(lambda document: wheel(document).update(name="../anyio-4.4.0-py3-none-any.whl"))
    assert faults_of(text)[0] == (
        "packages[0].wheels[0].name: `../anyio-4.4.0-py3-none-any.whl` is a path, no file name"
    )


def test_a_folder_hidden_in_a_url_is_refused() -> None:
    def hide(document: Document) -> None:
        del wheel(document)["name"]
        wheel(document)["url"] = f"{FILES}/..%2Fanyio-4.4.0-py3-none-any.whl"

    assert faults_of(edited(hide))[0] == (
        "packages[0].wheels[0].name: `../anyio-4.4.0-py3-none-any.whl` is a path, no file name"
    )


@pytest.mark.parametrize(
    "path",
    ["/srv/anyio-4.4.0-py3-none-any.whl", "C:\\anyio-4.4.0-py3-none-any.whl", "file:anyio-4.4.0-py3-none-any.whl"],
)
def test_an_absolute_path_to_a_file_is_refused(path: str) -> None:
    text = edited(lambda document: wheel(document).update(path=path))
    assert faults_of(text) == ["packages[0].wheels[0].path: an absolute path holds on one machine only"]


def test_a_file_may_lie_outside_the_folder_of_the_lock() -> None:
    path = "../wheels/anyio-4.4.0-py3-none-any.whl"
    wheels = loads(edited(lambda document: wheel(document).update(path=path))).pylock.packages[0].wheels
    assert wheels is not None
    assert wheels[0].path == path


def test_a_source_folder_may_lie_outside() -> None:
    lock = loads(edited(lambda document: document["packages"][3]["directory"].update(path="/srv/plugin"), full=True))
    directory = lock.pylock.packages[3].directory
    assert directory is not None
    assert directory.path == "/srv/plugin"


def test_a_subdirectory_that_leads_outside_is_refused() -> None:
    text = edited(lambda document: document["packages"][1]["vcs"].update(subdirectory="a/../.."), full=True)
    assert faults_of(text) == ["packages[1].vcs.subdirectory: leads outside the folder that it starts in"]


def test_a_negative_size_is_refused() -> None:
    text = edited(lambda document: wheel(document).update(size=-1))
    assert faults_of(text) == ["packages[0].wheels[0].size: a file cannot have -1 bytes"]


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\n", "\x7f", "\x85", "\u202e", "\u2028"])
def test_control_characters_are_refused(character: str) -> None:
    text = edited(lambda document: document.update({"created-by": f"a{character}b"}))
    assert faults_of(text) == [f"created-by: holds the control character U+{ord(character):04X}"]


def test_a_control_character_in_a_key_is_refused_without_being_shown() -> None:
    text = edited(lambda document: document["tool"].update({"x\x1b[31m": {"a": 1}}))
    assert faults_of(text) == ["tool: a key holds the control character U+001B"]


def test_all_faults_are_told_at_once_in_document_order() -> None:
    def spoil(document: Document) -> None:
        wheel(document, 0)["hashes"] = {"md5": "0" * 32}
        wheel(document, 1)["path"] = "/srv/idna-3.7-py3-none-any.whl"
        document["tool"]["pinfold"]["python"] = 3.11

    assert faults_of(edited(spoil)) == [
        "packages[0].wheels[0].hashes: no `sha256`, only `md5`",
        "packages[1].wheels[0].path: an absolute path holds on one machine only",
        "tool.pinfold.python: expected a string, found a value of another type",
    ]


def test_the_first_fault_gives_the_error_its_path() -> None:
    with pytest.raises(InvalidLockfileError) as caught:
        loads(edited(lambda document: wheel(document).update(hashes={"md5": "0" * 32})))
    assert caught.value.where == "packages[0].wheels[0].hashes"


def test_a_newer_major_lock_version_is_refused() -> None:
    with pytest.raises(UnsupportedLockfileError) as caught:
        loads(edited(lambda document: document.update({"lock-version": "2.0"})))
    assert str(caught.value) == "lock-version: lock-version 2.0 is not supported, only 1.0 is"


def test_a_newer_minor_lock_version_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    lock = loads(edited(lambda document: document.update({"lock-version": "1.1"})))
    assert lock.warnings == ("lock-version 1.1 is newer than 1.0: what it adds is not read",)
    assert str(lock.pylock.lock_version) == "1.1"
    assert caplog.records == []


def test_a_newer_schema_is_refused() -> None:
    with pytest.raises(UnsupportedLockfileError) as caught:
        loads(edited(lambda document: document["tool"]["pinfold"].update(schema=2)))
    assert str(caught.value) == ("tool.pinfold.schema: written by a newer pinfold: schema 2 is not known, only 1 is")


@pytest.mark.parametrize(
    ("change", "place", "message"),
    [
        ({"schema": "1"}, "schema", "expected a number from 1, found `1`"),
        ({"schema": True}, "schema", "expected a number from 1, found true or false"),
        ({"layers": [["AnyIO"]]}, "layers[0][0]", "expected a normalized project name, found `AnyIO`"),
        ({"requirements": ["anyio"]}, "requirements[0]", "expected an array, found `anyio`"),
        ({"accelerator": []}, "accelerator", "expected a table, found an array"),
        (
            {"settings": {"pre": 1.5}},
            "settings.pre",
            "expected a string, a number, true, false or an array of strings, found a value of another type",
        ),
        ({"build": {"idna": 1}}, "build.idna", "expected a table, found a number"),
        ({"build": {"idna": {"isolation": "no"}}}, "build.idna.isolation", "expected true or false, found `no`"),
        ({"build": {"idna": {"speed": 1}}}, "build.idna.speed", "no key of schema 1"),
        (
            {"build": {"idna": {"config-settings": [["a"]]}}},
            "build.idna.config-settings[0]",
            "expected a name and a hash",
        ),
        ({"build-wheels": [1]}, "build-wheels[0]", "expected a table, found a number"),
        ({"build-wheels": [{"name": "a"}]}, "build-wheels[0].sha256", "missing"),
        (with_wheel(version="x"), "build-wheels[0].version", "expected a version of PEP 440, found `x`"),
        (with_wheel(size=-1), "build-wheels[0].size", "expected a number of bytes, found a number"),
        (with_wheel(sha256="A"), "build-wheels[0].sha256", "expected 64 digits of lower-case hex, found `A`"),
        (with_wheel(speed=1), "build-wheels[0].speed", "no key of schema 1"),
        (with_wheel(path="a.whl"), "build-wheels[0]", "expected one of `url` and `path`"),
        (with_wheel(url=None, path="/a.whl"), "build-wheels[0].path", "an absolute path holds on one machine only"),
        (with_wheel(file="../a.whl"), "build-wheels[0].file", "`../a.whl` is no file name of a wheel"),
        (
            with_wheel(file="tool-2.0-py3-none-any.whl"),
            "build-wheels[0].file",
            "`tool-2.0-py3-none-any.whl` is no wheel of `tool 1.0`",
        ),
        (
            {"build-wheels": [*with_wheel()["build-wheels"], *with_wheel()["build-wheels"]]},
            "build-wheels[1]",
            "`tool` is also `tool.pinfold.build-wheels[0]`",
        ),
        (
            with_wheel(url="https://user:secret@files.example/tool.whl"),
            "build-wheels[0].url",
            "holds a URL with user information, which would reach everybody who reads the lock",
        ),
        ({"colour": "red"}, "colour", "no key of schema 1"),
        ({"a.b": "red"}, '"a.b"', "no key of schema 1"),
        (
            {"requirement-digest": "md5:0"},
            "requirement-digest",
            "expected `sha256:` and 64 digits of lower-case hex, found `md5:0`",
        ),
    ],
)
def test_the_tool_table_is_checked(change: Mapping[str, Any], place: str, message: str) -> None:
    text = edited(lambda document: document["tool"]["pinfold"].update(change))
    assert f"tool.pinfold.{place}: {message}" in faults_of(text)


def test_a_tool_table_that_is_no_table_is_refused() -> None:
    assert faults_of(edited(lambda document: document["tool"].update(pinfold=1))) == ["tool.pinfold: expected a table"]


def test_a_message_never_quotes_a_secret() -> None:
    url = "https://user:secret@files.example/a.whl"

    def hide(document: Document) -> None:
        wheel(document)["name"] = url
        document["tool"]["pinfold"]["built"] = [url]

    assert "secret@" not in "\n".join(faults_of(edited(hide)))


def test_a_broken_marker_is_told_in_one_line() -> None:
    text = edited(lambda document: document["packages"][0].update(marker="linux only"))
    assert faults_of(text) == [f"packages[0].marker: {find_words_in_a_sentence(lambda: Marker('linux only'))}"]


def test_a_missing_key_of_the_tool_table_is_named() -> None:
    assert faults_of(edited(lambda document: document["tool"]["pinfold"].pop("platform"))) == [
        "tool.pinfold.platform: missing"
    ]


def test_names_without_a_package_are_refused() -> None:
    def dangle(document: Document) -> None:
        document["packages"][0]["dependencies"] = [{"name": "sniffio"}]
        document["tool"]["pinfold"].update(layers=[["anyio", "trio"]], built=["attrs"], unverified={"outcome": []})
        # A project whose builds were passed over need not be in the lock.
        document["tool"]["pinfold"].update(build={"gamma": {"rejected": ["2.0"]}, "delta": {"isolation": True}})

    assert faults_of(edited(dangle)) == [
        "packages[0].dependencies[0].name: no package is called `sniffio`",
        "tool.pinfold.layers[0][1]: no package is called `trio`",
        "tool.pinfold.built: no package is called `attrs`",
        "tool.pinfold.unverified: no package is called `outcome`",
        "tool.pinfold.build: no package is called `delta`",
    ]


def test_a_syntax_error_has_line_and_column() -> None:
    with pytest.raises(LockfileSyntaxError) as caught:
        loads(text := 'lock-version = "1.0"\ncreated-by = pip\n')
    reason = find_words_in_a_sentence(lambda: tomllib.loads(text)).partition(" (at ")[0]
    assert (caught.value.line, caught.value.column) == (2, 14)
    assert str(caught.value) == f"not TOML in line 2, column 14: {reason}"


def test_a_syntax_error_at_the_end_has_line_and_column() -> None:
    with pytest.raises(LockfileSyntaxError) as caught:
        loads('lock-version = "1.0"\ncreated-by = ')
    assert (caught.value.line, caught.value.column) == (2, 14)


def test_a_file_that_is_not_utf_8_says_where(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    path.write_bytes(b'lock-version = "1.0"\ncreated-by = "\xff"\n')
    with pytest.raises(LockfileSyntaxError) as caught:
        read(path)
    assert (caught.value.line, caught.value.column) == (2, 15)


def test_what_reading_refuses_is_not_written() -> None:
    lock = loads(edited(lambda document: None, full=True))
    vcs = lock.pylock.packages[1].vcs
    assert vcs is not None
    object.__setattr__(vcs, "url", f"https://user:secret@git.example/app.git?{COMMIT}")
    with pytest.raises(InvalidLockfileError) as caught:
        dumps(lock)
    assert "secret" not in str(caught.value)
    assert caught.value.where == "packages[1].vcs.url"


def test_a_document_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(LockfileSyntaxError) as caught:
        loads(f"a = {'[' * 5000}{']' * 5000}")
    assert str(caught.value) == "not TOML: it is nested too deep"


def test_a_number_that_python_cannot_read_is_refused() -> None:
    with pytest.raises(LockfileSyntaxError) as caught:
        loads(f"a = {'1' * 5000}")
    assert str(caught.value) == "not TOML: it holds a number that is too long to be read"
