from __future__ import annotations

import pytest

from resolver.errors import ListError
from resolver.requirements.direct_reference import is_same_source, parse_reference
from resolver.requirements.entry import ArchiveUrl, DirectReference, Entry, LocalPath, VcsReference
from resolver.requirements.requirement_list import parse_requirement_list
from resolver.requirements.url import Url

ZEROS, ONES = "0" * 64, "1" * 64
WHEEL = "https://files.example/a-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (WHEEL, WHEEL, True),
        (WHEEL, f"{WHEEL}#sha256={ZEROS}", True),
        (f"{WHEEL}#sha256={ZEROS}", f"{WHEEL}#md5={ONES[:32]}", True),
        (f"{WHEEL}#sha256={ZEROS}", f"{WHEEL}#sha256={ONES}", False),
        (f"{WHEEL}#sha256={ZEROS}&sha256={ONES}", f"{WHEEL}#sha256={ONES}", True),
        (WHEEL, WHEEL.replace("1.0", "2.0"), False),
        ("https://me:secret@files.example/a.zip", "https://files.example/a.zip", True),
        ("https://files.example/a.zip#subdirectory=x", "https://files.example/a.zip", False),
        ("git+https://git.example/a@v1", "git+https://git.example/a@v1#egg=a", True),
        ("git+https://git.example/a@v1", "git+https://git.example/a@v2", False),
        ("git+https://git.example/a", "https://git.example/a", False),
        ("./a", "./a", True),
        ("./a", "./b", False),
    ],
)
def test_references_agree_where_neither_says_anything_against_the_other(one: str, other: str, expected: bool) -> None:
    first, second = (parse_reference(text, variables={}).direct for text in (one, other))
    assert (is_same_source(first, second), is_same_source(second, first)) == (expected, expected)


def parse(item: str) -> Entry:
    return parse_requirement_list([item]).entries[0]


def git(url: str, revision: str | None = None, subdirectory: str | None = None) -> VcsReference:
    return VcsReference(url=Url(public=url), revision=revision, subdirectory=subdirectory)


@pytest.mark.parametrize(
    ("item", "name", "direct", "text"),
    [
        (
            "https://f.example/flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-cp311-cp311-linux_x86_64.whl",
            "flash-attn",
            ArchiveUrl(
                url=Url(
                    public="https://f.example/flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-cp311-cp311-linux_x86_64.whl"
                )
            ),
            "flash-attn @ https://f.example/flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-cp311-cp311-linux_x86_64.whl",
        ),
        (
            f"Six@https://f.example/six-1.16.0.tar.gz#subdirectory=src&sha256={'AB' * 32}",
            "six",
            ArchiveUrl(
                url=Url(public="https://f.example/six-1.16.0.tar.gz"),
                hashes=(f"sha256:{'ab' * 32}",),
                subdirectory="src",
            ),
            f"six @ https://f.example/six-1.16.0.tar.gz#subdirectory=src&sha256={'ab' * 32}",
        ),
        (
            "https://f.example/archive/main.zip",
            None,
            ArchiveUrl(url=Url(public="https://f.example/archive/main.zip")),
            "https://f.example/archive/main.zip",
        ),
        (
            "https://f.example/archive/main.zip#egg=Foo_Bar",
            "foo-bar",
            ArchiveUrl(url=Url(public="https://f.example/archive/main.zip")),
            "foo-bar @ https://f.example/archive/main.zip",
        ),
        (
            "file:///srv/six-1.16.0.tar.gz",
            "six",
            ArchiveUrl(url=Url(public="file:///srv/six-1.16.0.tar.gz")),
            "six @ file:///srv/six-1.16.0.tar.gz",
        ),
        (
            "git+https://user:hunter2@git.example/o/r.git@v1.0#egg=six&subdirectory=src",
            "six",
            git("https://git.example/o/r.git", "v1.0", "src"),
            "six @ git+https://git.example/o/r.git@v1.0#subdirectory=src",
        ),
        (
            "git+https://git.example/o/r.git",
            None,
            git("https://git.example/o/r.git"),
            "git+https://git.example/o/r.git",
        ),
        (
            "git+ssh://git@git.example/o/r.git@feature/x",
            None,
            git("ssh://git@git.example/o/r.git", "feature/x"),
            "git+ssh://git@git.example/o/r.git@feature/x",
        ),
        (
            "git+git@git.example:o/r.git@main",
            None,
            git("ssh://git@git.example/o/r.git", "main"),
            "git+ssh://git@git.example/o/r.git@main",
        ),
        (
            "git+ssh://git@git.example:o/r.git",
            None,
            git("ssh://git@git.example/o/r.git"),
            "git+ssh://git@git.example/o/r.git",
        ),
        (
            "git+ssh://git@git.example:2222/o/r.git",
            None,
            git("ssh://git@git.example:2222/o/r.git"),
            "git+ssh://git@git.example:2222/o/r.git",
        ),
        ("git+file:///srv/r.git@main", None, git("file:///srv/r.git", "main"), "git+file:///srv/r.git@main"),
        ("file:///srv/my%20project", None, LocalPath(path="/srv/my project"), "file:/srv/my%20project"),
        ("file:///srv/r#subdirectory=sub", None, LocalPath(path="/srv/r/sub"), "/srv/r/sub"),
        (".", None, LocalPath(path="."), "."),
        ("./dist/six-1.16.0-py3-none-any.whl", "six", LocalPath(path="./dist/six-1.16.0-py3-none-any.whl"), None),
        ("six-1.16.0.tar.gz", "six", LocalPath(path="six-1.16.0.tar.gz"), "six @ six-1.16.0.tar.gz"),
        (r"C:\src\project", None, LocalPath(path=r"C:\src\project"), r"C:\src\project"),
        ("-e ./project", None, LocalPath(path="./project"), "./project"),
        ("-e project", None, LocalPath(path="project"), "project"),
    ],
)
def test_a_direct_reference_says_where_and_sometimes_which_project(
    item: str, name: str | None, direct: DirectReference, text: str | None
) -> None:
    entry = parse(item)
    assert (entry.name, entry.direct) == (name, direct)
    assert entry.text == (text or f"{name} @ {item}")
    assert entry.editable == item.startswith("-e")


def test_extras_stand_in_brackets_behind_a_path_or_a_name() -> None:
    assert parse("./dir[Extra_One,b]").extras == {"extra-one", "b"}
    assert parse("six[a] @ https://f.example/six-1.0.zip").extras == {"a"}
    assert parse("-e ./dir[a]").extras == {"a"}


def test_a_marker_follows_a_semicolon() -> None:
    assert str(parse("https://f.example/a;b.zip ; python_version < '3'").marker) == 'python_version < "3"'
    assert str(parse("./dir;python_version<'3'").marker) == 'python_version < "3"'
    assert str(parse("six @ https://f.example/six.zip; python_version < '3'").marker) == 'python_version < "3"'


def test_the_secret_of_a_repository_is_the_url_that_git_needs() -> None:
    direct = parse("git+https://user:hunter2@git.example/o/r.git@main").direct
    assert isinstance(direct, VcsReference)
    assert direct.url.secret is not None
    assert direct.url.secret.open_for_transport() == "https://user:hunter2@git.example/o/r.git"


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (
            "hg+https://hg.example/r",
            "`hg+https://hg.example/r` is no requirement pinfold reads\n"
            "  because git is the only version control it knows",
        ),
        (
            "ssh://git@git.example/o/r.git",
            "`ssh://git@git.example/o/r.git` is no requirement\n  try: write `git+ssh://git@git.example/o/r.git`",
        ),
        (
            "s3://bucket/six-1.0.zip",
            "`s3://bucket/six-1.0.zip` is no requirement pinfold reads\n"
            "  because `s3` is none of `https`, `http`, `file`, `git+https`, `git+ssh`, `git+file`",
        ),
        (
            "https://u:hunter2@git.example/o/r.git",
            "`https://git.example/o/r.git` is a repository, not an archive\n"
            "  because an installer would read its web page as a source archive\n"
            "  try: write `git+https://git.example/o/r.git`",
        ),
        (
            "git+https://git.example/o/r.git@",
            "`git+https://git.example/o/r.git@` has no revision after its `@`\n"
            "  try: name a commit, tag or branch, or remove the `@`",
        ),
        (
            "git+ftp://git.example/r",
            "`git+ftp://git.example/r` is no git URL pinfold reads\n"
            "  because it begins with none of `git+https://`, `git+ssh://`, `git+file://`, `git+http://`",
        ),
        (
            "https://u:hunter2@[::1/six-1.0.zip",
            "`https://[::1/six-1.0.zip` is no URL\n"
            "  because its host is no name and no IP address\n"
            "  try: write it in full, as in `https://host/path`",
        ),
        (
            "https://f.example:99999/six-1.0.zip",
            "`https://f.example:99999/six-1.0.zip` is no URL\n"
            "  because a port is a number from 1 to 65535\n"
            "  try: write it in full, as in `https://host/path`",
        ),
        (
            "git+https:///o/r.git",
            "`https:///o/r.git` is no URL\n"
            "  because it names no host\n"
            "  try: write it in full, as in `https://host/path`",
        ),
        ("https://f.example/a.zip#egg=a==1", "`#egg=a==1` names no project\n  try: write `name @ URL` instead"),
        (
            "./six.whl",
            "`six.whl` is no wheel file name\n"
            "  because a wheel is named name-version-python-abi-platform.whl\n"
            "  try: use the name that the wheel was built with, such as `six-1.0-py3-none-any.whl`",
        ),
        (
            "-e six>=1.0",
            "`six>=1.0` cannot be editable\n"
            "  because only a folder or a repository can\n"
            "  try: write its path, as in `-e ./folder`, or leave `-e` out",
        ),
    ],
)
def test_a_reference_that_cannot_be_used_is_refused(item: str, message: str) -> None:
    with pytest.raises(ListError) as caught:
        parse(item)
    assert str(caught.value) == f"requirements[0]: {message}"


ALGORITHMS = "`sha512=`, `sha384=`, `sha256=`, `sha224=`, `sha1=`, `md5=`"


@pytest.mark.parametrize(
    ("fragment", "message"),
    [
        (f"sha256={'0' * 63}g", f"`#sha256={'0' * 63}g` can match no file\n  because `g` is no hexadecimal digit"),
        (
            f"sha256={'0' * 63}",
            f"`#sha256={'0' * 63}` can match no file\n  because sha256 has 64 hexadecimal digits, and this has 63",
        ),
        ("sha256=", "`#sha256=` can match no file\n  because sha256 has 64 hexadecimal digits, and this has 0"),
        ("egg=six&md5=0x12", "`#md5=0x12` can match no file\n  because `x` is no hexadecimal digit"),
        (
            "SHA256=00",
            f"`#SHA256=00` is no hash that an installer checks\n  because it begins with none of {ALGORITHMS}\n"
            "  try: write `#sha256=` and the digits of the file's SHA-256",
        ),
        (
            "subdirectory=a&sha-256:00",
            f"`#sha-256:00` is no hash that an installer checks\n  because it begins with none of {ALGORITHMS}\n"
            "  try: write `#sha256=` and the digits of the file's SHA-256",
        ),
        (
            "blake2b=00",
            f"`#blake2b=00` is no hash that an installer checks\n  because it begins with none of {ALGORITHMS}\n"
            "  try: write `#sha256=` and the digits of the file's SHA-256",
        ),
    ],
)
def test_a_hash_of_a_wrong_form_is_refused_and_never_ignored(fragment: str, message: str) -> None:
    with pytest.raises(ListError) as caught:
        parse(f"https://f.example/six-1.0.zip#{fragment}")
    assert str(caught.value) == f"requirements[0]: {message}"


def test_a_hash_of_a_path_is_refused_because_nothing_would_check_it() -> None:
    with pytest.raises(ListError) as caught:
        parse(f"file:six-1.0.zip#sha256={'0' * 64}")
    assert str(caught.value) == (
        f"requirements[0]: `file:six-1.0.zip#sha256={'0' * 64}` gives a hash for a path\n"
        "  because only the URL of an archive has one, and an installer drops any other\n"
        "  try: write a `file:///` URL of a wheel or an sdist, or leave the hash out"
    )


def test_another_key_of_a_fragment_that_begins_like_an_algorithm_is_ignored_as_with_pip() -> None:
    assert parse("https://f.example/six-1.0.zip#shared=1&shadow=x").text == "six @ https://f.example/six-1.0.zip"
