from __future__ import annotations

import contextlib
import string
from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from resolver.errors import ListError, Position, SourceError
from resolver.requirements.canonical import canonical_layers, parse_canonical_layers
from resolver.requirements.entry import Entry, RequirementList
from resolver.requirements.requirement_file import decode_requirement_file
from resolver.requirements.requirement_list import parse_requirement_file, parse_requirement_list
from resolver.requirements.scopes import FlagScope, IndexFamily, ScopeRules, merge_scopes

NOWHERE = Position()
FAMILY = IndexFamily(name="torch", names=("torch*",), urls=("https://download.pytorch.org/whl/{cuda}",))
PIECES = [
    *("six", "torch", "Foo_Bar[a,b]", "==1.0", ">=2,<3", ";", "python_version<'3'", "@", " ", "  ", "\n", "\\", "#"),
    *("-", "--", "-i", "-r", "-c", "-e", "-f", "=", "--hash=sha256:", "--pre", "--index-url", "--no-binary", ":all:"),
    *(
        "https://",
        "u:p@",
        "f.example",
        "/",
        "a-1.0-py3-none-any.whl",
        "git+",
        "ssh://git@",
        "#egg=x",
        "&subdirectory=y",
    ),
    *("${T}", "[", "]", "'", '"', "file:", ".", "..", "é", "\0", "\t", "--config-settings", "k=v", "ftp://", "C:\\x"),
]
texts = st.text() | st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


@given(st.lists(texts | st.none() | st.lists(texts, max_size=3), max_size=5), st.sampled_from(["position", "list"]))
def test_no_list_raises_anything_but_a_list_error(items: list[object], flag_scope: FlagScope) -> None:
    with contextlib.suppress(ListError):
        parse_requirement_list(
            items,  # type: ignore[arg-type]  # Anything may come in.
            rules=ScopeRules(flag_scope=flag_scope, families=(FAMILY,)),
            read_file=lambda reference, including: (reference, reference),
            variables={"T": "hunter2"},
        )


@given(texts)
def test_no_file_raises_anything_but_a_list_error(text: str) -> None:
    with contextlib.suppress(ListError):
        parse_requirement_file(text, read_file=lambda reference, including: (reference, reference))


@given(st.binary() | st.binary().map(lambda data: b"# coding: utf-16\n" + data))
@example(b"# coding: nonsense\n")
@example(b"# coding: base64\n")
@example(b"# coding: rot13\nfvk\n")
@example(b"# coding: idna\n\xff")
def test_no_bytes_raise_anything_but_a_source_error(data: bytes) -> None:
    with contextlib.suppress(SourceError):
        assert isinstance(decode_requirement_file(data), str)


pieces = st.lists(st.sampled_from([piece for piece in PIECES if "@" not in piece and "//" not in piece]), max_size=5)


@given(pieces.map("".join), pieces.map("".join))
def test_no_report_shows_a_password(before: str, after: str) -> None:
    secret = "Zq9hunter"
    try:
        shown = repr(parse_requirement_list([f"{before}https://u:{secret}@{after}"]))
    except ListError as error:
        shown = f"{error}{error!r}"
    assert secret not in shown


# Lists that mean something

specifiers = st.sampled_from(["", "==1.0", ">=1", ">=1,<2", "<2 , >=1", "!=1.5,~=1.2", "==1.0RC1", "===x", "==1.*"])
extras = st.sampled_from(["", "[a]", "[B_c,a]"])
markers = st.sampled_from(["", "; python_version < '3.12'", ' ; sys_platform=="linux" and extra == "x"'])
names = st.sampled_from(["six", "Six", "torch", "foo-bar", "Foo_Bar", "foo.bar", "a", "b", "c"])
named = st.builds("{}{}{}{}".format, names, extras, specifiers, markers)
direct = st.sampled_from(
    [
        f"d1 @ https://u:p@f.example/d1-1.0.tar.gz#sha256={'0' * 64}&subdirectory=x",
        "https://f.example/d2-1.0-py3-none-any.whl ; python_version < '3'",
        "https://f.example/archive/main.zip?sig=1&x=2",
        "git+https://u:p@git.example/o/d3.git@feature/x#egg=d3[a]&subdirectory=y",
        "d4[x] @ git+ssh://git@git.example/o/d4.git",
        "git+git@git.example:o/d5.git@main",
        "./path[a,b] ; python_version < '3'",
        "./with space/and#hash",
        "file:///srv/d6",
        "file:///srv/d7-1.0.tar.gz",
        "d8 @ ./d8",
    ]
)
editable = st.sampled_from([["-e", "./here"], ["-e git+https://git.example/o/e.git@v1#egg=e"], ["--editable=src"]])
line_flags = st.lists(
    st.sampled_from([f"--hash=sha256:{'aB' * 32}", f"--hash=sha512:{'0' * 128}", "--config-settings=--k=v w"]),
    max_size=2,
)
urls = st.sampled_from([f"https://{host}.example/simple" for host in "xyz"])
flags = st.one_of(
    urls.map(lambda url: ["--extra-index-url", url]),
    urls.map(lambda url: [f"-f {url.replace('simple', 'links.html')}"]),
    st.sampled_from(
        [["-c", "six<9"], ["-c", "torch<3 --hash=sha256:" + "b" * 64], ["-c", "k @ https://f.example/k-1.0.zip"]]
    ),
    st.sampled_from([["--pre"], ["--no-binary=a,:none:,b"], ["--only-binary", ":all:"], ["--trusted-host", "h"]]),
    st.sampled_from([["--no-deps"], ["--no-build-isolation"], ["--require-hashes"], ["--prefer-binary"]]),
    st.sampled_from([["-i", "https://i.example/"], ["--no-index"]]),
)
requirements = st.builds(lambda text, tail: [text, *tail], named | direct, line_flags) | editable
layers = st.lists(requirements | flags, max_size=7).map(lambda parts: [item for part in parts for item in part])
lists = st.lists(layers, min_size=1, max_size=3)


def parse(items: list[list[str]], flag_scope: FlagScope = "position") -> RequirementList | None:
    """The list, or None where chance has made one that contradicts itself."""
    try:
        return parse_requirement_list(
            items,
            read_file=lambda reference, including: (reference, reference),
            rules=ScopeRules(flag_scope=flag_scope),
        )
    except ListError as error:
        assert all("contradicts" in fault.what for fault in error.faults), error
        return None


def without_position(entry: Entry) -> Entry:
    return replace(entry, position=NOWHERE, config_settings=tuple((key, "") for key, _ in entry.config_settings))


@settings(max_examples=300)
@given(lists, st.sampled_from(["position", "list"]))
def test_canonical_tokens_parse_to_equal_entries_and_to_themselves(
    items: list[list[str]], flag_scope: FlagScope
) -> None:
    parsed = parse(items, flag_scope)
    if parsed is None:
        return
    tokens = canonical_layers(parsed)
    again = parse_canonical_layers(tokens)
    assert canonical_layers(again) == tokens
    assert list(map(without_position, again.entries)) == list(map(without_position, parsed.entries))
    assert sorted(map(repr, map(without_position, again.constraints))) == sorted(
        map(repr, map(without_position, parsed.constraints))
    )
    assert again.dependency_scope == parsed.dependency_scope
    assert [layer.scope for layer in again.layers] == [layer.scope for layer in parsed.layers]


@given(lists)
def test_every_token_list_is_free_of_secrets(items: list[list[str]]) -> None:
    parsed = parse(items)
    shown = repr(parsed) + repr(canonical_layers(parsed) if parsed else "")
    assert "u:p" not in shown
    assert "sig=1" not in shown


@given(lists)
def test_scopes_grow_along_a_layer_and_never_leave_it(items: list[list[str]]) -> None:
    parsed = parse(items)
    if parsed is None:
        return
    for number, layer in enumerate(parsed.layers):
        seen = 0
        for entry in layer.entries:
            assert entry.layer == number
            assert set(entry.own_scope.extra_indexes) <= set(layer.scope.extra_indexes)
            assert len(entry.own_scope.extra_indexes) >= seen
            seen = len(entry.own_scope.extra_indexes)


@given(lists)
def test_a_scope_is_the_union_over_all_entries_of_its_project(items: list[list[str]]) -> None:
    parsed = parse(items)
    if parsed is None:
        return
    for entry in parsed.entries:
        if entry.name is None:
            assert entry.scope == entry.own_scope
            continue
        same = [one for one in (*parsed.entries, *parsed.constraints) if one.name == entry.name]
        merged = merge_scopes(one.own_scope for one in same)
        assert set(entry.scope.extra_indexes) == set(merged.extra_indexes)
        assert set(entry.scope.find_links) == set(merged.find_links)
        assert entry.scope.default_index == merged.default_index


@given(lists)
def test_positions_are_in_list_order_and_point_at_their_items(items: list[list[str]]) -> None:
    parsed = parse(items)
    if parsed is None:
        return
    places = [(entry.position.layer or 0, entry.position.item or 0) for entry in parsed.entries]
    assert places == sorted(set(places))


@given(layers)
def test_one_layer_means_the_same_as_a_flat_list(items: list[str]) -> None:
    layered = parse([items])
    flat = parse(items)  # type: ignore[arg-type]  # The flat form.
    if layered is None or flat is None:
        assert layered is flat is None
        return
    assert canonical_layers(layered) == canonical_layers(flat)


@given(layers)
def test_under_flag_scope_list_the_place_of_a_flag_does_not_matter(items: list[str]) -> None:
    pinned = [item for item in items if item != "--no-index"]
    parsed = parse([pinned], "list")
    if parsed is None:
        return
    scopes = {entry.own_scope for entry in parsed.entries}
    assert scopes <= {parsed.layers[0].scope}


@given(st.text(string.printable))
def test_a_comment_changes_nothing(comment: str) -> None:
    line = " ".join(comment.split())
    parsed = parse_requirement_file(f"# {line}\nsix>=1 # {line}\n")
    assert [entry.text for entry in parsed.entries] == ["six>=1"]
