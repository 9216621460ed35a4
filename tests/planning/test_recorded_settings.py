from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import Version

from lockfiles.lockfile import SettingValue
from resolver.errors import InputError
from resolver.planning.recorded_settings import (
    MetadataDigest,
    RecordedSettings,
    digest_metadata,
    read_recorded,
    record_settings,
)
from resolver.requirements.scopes import IndexFamily
from resolver.settings.settings import DependencyMetadata, Mirror

texts = st.text(st.sampled_from("ab: \\\n\u2028at*exclusive"), max_size=8) | st.text(max_size=5)
words = texts | st.sampled_from(["at", "exclusive", "\\at", "\\e", "", "acme-*", "https://a.example/{cuda}/"])
names = st.from_regex(r"[a-z0-9]{1,3}(-[a-z0-9]{1,3})?", fullmatch=True).map(canonicalize_name)
versions = st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}(rc1|\.post2)?(\+cu124)?", fullmatch=True).map(Version)
families = st.builds(
    IndexFamily,
    name=texts,
    names=st.lists(words, max_size=3).map(tuple),
    urls=st.lists(words, max_size=3).map(tuple),
    exclusive=st.booleans(),
)
metadata = st.builds(
    MetadataDigest, name=names, version=st.none() | versions, sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
)
settings = st.builds(
    RecordedSettings,
    build_constraints=st.lists(texts).map(tuple),
    dependency_metadata=st.lists(metadata, max_size=3).map(tuple),
    exclude=st.lists(names, max_size=3).map(tuple),
    exclude_newer=st.none() | texts,
    exclude_newer_exempt=st.lists(texts, max_size=3).map(tuple),
    allow=st.lists(names, max_size=3).map(tuple),
    allow_build=st.lists(names, max_size=3).map(tuple),
    families=st.lists(families, max_size=3).map(tuple),
    flag_scope=st.sampled_from(["position", "list"]),
    index_url=st.none() | texts,
    measure_kernels=st.booleans(),
    mirrors=st.lists(st.builds(Mirror, prefix=texts, url=texts), max_size=3).map(tuple),
    no_build=st.booleans(),
    build_metadata=st.booleans(),
    overrides=st.lists(texts, max_size=3).map(tuple),
)


@given(settings)
def test_what_is_recorded_is_read_back_equal(before: RecordedSettings) -> None:
    after = read_recorded(record_settings(before))
    for one in fields(before):
        expected, found = getattr(before, one.name), getattr(after, one.name)
        if isinstance(expected, tuple) and one.name != "families":
            assert Counter(found) == Counter(expected)
        else:
            assert found == expected


@given(settings)
def test_recording_again_changes_nothing(before: RecordedSettings) -> None:
    recorded = record_settings(before)
    assert record_settings(read_recorded(recorded)) == recorded


@given(settings)
def test_the_order_of_sets_is_not_recorded(before: RecordedSettings) -> None:
    turned = replace(
        before,
        build_constraints=before.build_constraints[::-1],
        dependency_metadata=before.dependency_metadata[::-1],
        exclude=before.exclude[::-1],
        exclude_newer_exempt=before.exclude_newer_exempt[::-1],
        allow=before.allow[::-1],
        allow_build=before.allow_build[::-1],
        mirrors=before.mirrors[::-1],
        overrides=before.overrides[::-1],
    )
    assert record_settings(turned) == record_settings(before)


def test_settings_without_odd_characters_are_recorded_as_ever() -> None:
    """The form of locks that are written already."""
    row = DependencyMetadata(name=canonicalize_name("flash-attn"), version=Version("2.7"), requires_dist=("torch",))
    recorded = record_settings(
        RecordedSettings(
            build_constraints=("setuptools<80", "cython<4"),
            dependency_metadata=(digest_metadata(row), digest_metadata(replace(row, version=None))),
            exclude_newer="7 days",
            families=(
                IndexFamily(
                    name="acme", names=("acme-*", "tools"), urls=("https://a.example/{cuda}/",), exclusive=True
                ),
                IndexFamily(name="Our own", names=("at",), urls=("https://a.example/", "https://b.example/")),
            ),
            flag_scope="list",
            mirrors=(Mirror(prefix="https://a.example/", url="https://${USER}@b.example/"),),
            no_build=True,
        )
    )
    sha256 = "6a62d794d0b98d450f9fe8b25cf3e5addd43782ac4ad9c426349c7aaa79613da"  # Of `; ; torch`.
    assert recorded == {
        "build-constraints": ("cython<4", "setuptools<80"),
        "dependency-metadata": (f"flash-attn * sha256:{sha256}", f"flash-attn 2.7 sha256:{sha256}"),
        "exclude-newer": "7 days",
        "families": (
            "acme: acme-* tools at https://a.example/{cuda}/ exclusive",
            "Our own: at at https://a.example/ https://b.example/",
        ),
        "flag-scope": "list",
        "mirrors": ("https://a.example/ at https://${USER}@b.example/",),
        "no-build": True,
    }


def test_a_family_whose_name_holds_a_colon_survives() -> None:
    family = IndexFamily(name="acme: hq", names=("acme-*",), urls=("https://a.example/",))
    recorded = record_settings(RecordedSettings(families=(family,)))
    assert recorded == {"families": ("acme\\: hq: acme-* at https://a.example/",)}
    assert read_recorded(recorded).families == (family,)


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ({"families": ("acme",)}, "`acme` is no index family as a lock records it"),
        ({"families": ("acme: a b",)}, "`acme: a b` is no index family as a lock records it"),
        ({"mirrors": ("https://a.example/",)}, "`https://a.example/` is no mirror as a lock records it"),
        ({"dependency-metadata": ("a",)}, "`a` is no row of dependency metadata as a lock records it"),
        (
            {"dependency-metadata": (f"a one sha256:{'0' * 64}",)},
            f"`a one sha256:{'0' * 64}` is no row of dependency metadata as a lock records it",
        ),
    ],
)
def test_a_row_of_another_form_is_named(table: dict[str, SettingValue], what: str) -> None:
    with pytest.raises(InputError) as caught:
        read_recorded(table)
    assert str(caught.value) == what


def test_a_value_of_another_type_counts_as_missing() -> None:
    assert read_recorded({"no-build": "yes", "families": True, "index-url": 1, "other": "x"}) == RecordedSettings()
