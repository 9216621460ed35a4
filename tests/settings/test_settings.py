from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import Version

from resolver.errors import SettingsError
from resolver.requirements.scopes import IndexFamily
from resolver.settings.settings import (
    CompleteSettings,
    DependencyMetadata,
    GpuSetting,
    MachineSetting,
    Mirror,
    PlatformAdditions,
    Settings,
    parse_exclude_newer,
    parse_settings,
)

NOW = datetime(2026, 11, 22, 13, 30, 15, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-01", "2026-11-02T00:00:00Z"),
        ("2026-12-31", "2027-01-01T00:00:00Z"),
        ("2026-11-01T12:00:00Z", "2026-11-01T12:00:00Z"),
        ("2026-11-01t12:00:00z", "2026-11-01T12:00:00Z"),
        ("2026-11-01T12:00:00+02:00", "2026-11-01T10:00:00Z"),
        ("2026-11-01 12:00:00.250Z", "2026-11-01T12:00:00.250000Z"),
        ("P7D", "2026-11-15T13:30:15Z"),
        ("PT24H", "2026-11-21T13:30:15Z"),
        ("p1dt12h", "2026-11-21T01:30:15Z"),
        ("P2W", "2026-11-08T13:30:15Z"),
        ("7 days", "2026-11-15T13:30:15Z"),
        ("24h", "2026-11-21T13:30:15Z"),
        ("2 weeks", "2026-11-08T13:30:15Z"),
        ("1 Day 90 minutes", "2026-11-21T12:00:15Z"),
        ("1d, 30s", "2026-11-21T13:29:45Z"),
        ("3 days ago", "2026-11-19T13:30:15Z"),
    ],
)
def test_dates_instants_and_durations_become_an_instant(text: str, instant: str) -> None:
    assert parse_exclude_newer(text, now=NOW) == instant


def test_the_zone_of_the_clock_does_not_change_the_instant() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-9)))
    assert parse_exclude_newer("7 days", now=elsewhere) == parse_exclude_newer("7 days", now=NOW)


@given(instant=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_an_instant_in_its_final_form_stays_as_it_is(instant: datetime) -> None:
    text = instant.isoformat().replace("+00:00", "Z")
    assert parse_exclude_newer(text, now=NOW) == text


@given(text=st.text(max_size=30) | st.from_regex(r"[PT0-9YMDHS dayseko-]{1,12}", fullmatch=True))
def test_any_other_text_is_an_error_of_the_setting(text: str) -> None:
    try:
        result = parse_exclude_newer(text, now=NOW)
    except SettingsError as error:
        assert str(error).startswith("`exclude-newer`: ")
    else:
        assert parse_exclude_newer(result, now=NOW) == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "yesterday",
            "`exclude-newer`: `yesterday` is neither a date, an instant nor a duration\n"
            "  try: `2026-11-01`, `2026-11-01T12:00:00Z`, `7 days` or `P7D`",
        ),
        (
            "7 fortnights",
            "`exclude-newer`: `7 fortnights` is neither a date, an instant nor a duration\n"
            "  try: `2026-11-01`, `2026-11-01T12:00:00Z`, `7 days` or `P7D`",
        ),
        ("2026-02-30", "`exclude-newer`: there is no such time as `2026-02-30`"),
        ("999999999999 days", "`exclude-newer`: there is no such time as `999999999999 days`"),
        (
            "2026-11-01T12:00:00",
            "`exclude-newer`: `2026-11-01T12:00:00` has no time zone\n  try: `2026-11-01T12:00:00Z`",
        ),
        ("6 months", "`exclude-newer`: `6 months` counts months, which differ in length\n  try: `180 days`"),
        ("P1Y", "`exclude-newer`: `P1Y` counts years, which differ in length\n  try: `365 days`"),
    ],
)
def test_a_time_that_cannot_be_used_says_what_can(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_exclude_newer(text, now=NOW)
    assert str(caught.value) == message


WHERE = "pyproject.toml [tool.pinfold]"


def parse(text: str) -> Settings:
    return parse_settings(tomllib.loads(dedent(text)), where=WHERE)


def find_faults(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(text)
    return str(caught.value).replace(f"{WHERE}: ", "\0").lstrip("\0").split("\n\0")


def test_an_empty_table_sets_nothing() -> None:
    assert parse("") == Settings()


def test_every_key_is_read() -> None:
    settings = parse(
        """
        requirements = ["torch", "numpy"]
        python = "3.11"
        index-url = "https://index.example/simple/"
        extra-index-url = ["https://more.example/simple/"]
        find-links = ["wheels"]
        no-index = false
        index-strategy = "best-match"
        flag-scope = "list"
        exclude-newer = "7 days"
        exclude-newer-exempt = ["https://more.example/simple/"]
        constraint = ["constraints.txt"]
        override = ["overrides.txt"]
        build-constraint = ["build-constraints.txt"]
        constraint-dependencies = ["numpy<2"]
        override-dependencies = ["pillow==11.0"]
        build-constraint-dependencies = ["setuptools<80"]
        exclude = ["Triton"]
        pre = true
        prefer-binary = true
        no-deps = true
        no-binary = [":none:"]
        only-binary = [":all:"]
        no-build = true
        build-anyway = false
        build-metadata = true
        skip-failed-builds = true
        no-build-isolation = false
        measure-kernels = true
allow-build = ["Flash_Attn"]
        no-download = true
        machine-type = ["GPU-H100", "GPU-A100"]
        driver = "570.133.20"
        allow = ["Torch"]
        osv = "osv.zip"
environment = ["WHEEL_HOST"]
        output = "locks"
        public-queries = ["id"]

        [platform]
        name = "linux"
        profile = "fal"
        requirements = ["fastapi<1"]

        [mirrors]
        "https://download.pytorch.org/whl/" = "https://token@mirror.example/pytorch/"

        [[machines]]
        name = "box"
        gpu = "RTX 4090"
        driver = "550"

        [[gpus]]
        name = "RTX 9090"
        capability = "13.0"
        driver = "700"
        host = "aarch64"

        [[families]]
        name = "acme"
        names = ["Acme_*", "tools"]
        urls = ["https://acme.example/{cuda}/"]
        exclusive = true

        [[dependency-metadata]]
        name = "Flash_Attn"
        version = "2.7"
        requires-dist = ["torch", "einops"]
        requires-python = ">=3.9"
        provides-extra = ["Fast"]

        [secrets]
        patterns = ["/t/([^/]+)"]
        """
    )
    expected = Settings(
        requirements=("torch", "numpy"),
        python="3.11",
        platform="linux",
        platform_adds=PlatformAdditions(profile="fal", requirements=("fastapi<1",)),
        index_url="https://index.example/simple/",
        extra_index_url=("https://more.example/simple/",),
        find_links=("wheels",),
        no_index=False,
        index_strategy="best-match",
        flag_scope="list",
        exclude_newer="7 days",
        exclude_newer_exempt=("https://more.example/simple/",),
        constraint=("constraints.txt",),
        override=("overrides.txt",),
        build_constraint=("build-constraints.txt",),
        constraint_dependencies=("numpy<2",),
        override_dependencies=("pillow==11.0",),
        build_constraint_dependencies=("setuptools<80",),
        exclude=(canonicalize_name("triton"),),
        secrets=(re.compile("/t/([^/]+)"),),
        public_queries=("id",),
        pre=True,
        prefer_binary=True,
        no_deps=True,
        no_binary=(":none:",),
        only_binary=(":all:",),
        no_build=True,
        build_anyway=False,
        build_metadata=True,
        skip_failed_builds=True,
        no_build_isolation=False,
        measure_kernels=True,
        allow_build=(canonicalize_name("flash-attn"),),
        no_download=True,
        families=(
            IndexFamily(name="acme", names=("acme-*", "tools"), urls=("https://acme.example/{cuda}/",), exclusive=True),
        ),
        dependency_metadata=(
            DependencyMetadata(
                name=canonicalize_name("flash-attn"),
                version=Version("2.7"),
                requires_dist=("torch", "einops"),
                requires_python=">=3.9",
                provides_extra=(canonicalize_name("fast"),),
            ),
        ),
        machine_type=("GPU-H100", "GPU-A100"),
        driver="570.133.20",
        machines=(MachineSetting(name="box", gpu="RTX 4090", driver="550"),),
        gpus=(GpuSetting(name="RTX 9090", capability="13.0", driver="700", host="aarch64"),),
        allow=(canonicalize_name("torch"),),
        mirrors=(Mirror(prefix="https://download.pytorch.org/whl/", url="https://token@mirror.example/pytorch/"),),
        osv="osv.zip",
        environment=("WHEEL_HOST",),
        output="locks",
    )
    assert settings == expected
    assert [one.name for one in fields(settings) if getattr(settings, one.name) is None] == ["format_flags"]


def test_a_platform_is_a_name_or_a_table() -> None:
    assert parse('platform = "linux"') == parse('[platform]\nname = "linux"') == Settings(platform="linux")
    assert parse('[platform]\nprofile = "fal"') == Settings(platform_adds=PlatformAdditions(profile="fal"))


def test_layers_are_kept_as_layers() -> None:
    assert parse('requirements = [["torch"], ["flash-attn", "--no-build-isolation"]]').requirements == (
        ("torch",),
        ("flash-attn", "--no-build-isolation"),
    )


def test_an_empty_list_is_a_value() -> None:
    assert parse("requirements = []\nextra-index-url = []") == Settings(requirements=(), extra_index_url=())


def test_one_machine_type_is_a_list_of_one() -> None:
    assert parse('machine-type = "GPU-A100"').machine_type == ("GPU-A100",)


def test_a_machine_without_a_gpu_is_a_cpu_machine() -> None:
    assert parse('[[machines]]\nname = "box"').machines == (MachineSetting(name="box"),)


def test_a_nearer_machine_type_replaces_the_other() -> None:
    file = Settings(machine_type=("GPU-A100", "GPU-H100"))
    assert file.merge(Settings(machine_type=("GPU-T4",))).machine_type == ("GPU-T4",)


def test_the_secret_of_a_mirror_is_in_no_repr_and_that_of_its_prefix_is_dropped() -> None:
    settings = parse('[mirrors]\n"https://hush@a.example/whl/" = "https://hush@b.example/whl/"')
    assert settings.mirrors == (Mirror(prefix="https://a.example/whl/", url="https://hush@b.example/whl/"),)
    assert "hush" not in repr(settings)


def test_a_date_of_toml_itself_is_a_cut_off() -> None:
    date, instant = parse("exclude-newer = 2026-11-01"), parse("exclude-newer = 2026-11-01T12:00:00Z")
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert date.exclude_newer == "2026-11-01"
    assert parse_exclude_newer(instant.exclude_newer or "", now=now) == "2026-11-01T12:00:00Z"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('pyton = "3.11"', "unknown key `pyton`\n  try: `python`"),
        ('extra_index_url = ["x"]', "unknown key `extra_index_url`\n  try: `extra-index-url`"),
        ("colour = 1", "unknown key `colour`"),
        ("machine-type = 4090", "`machine-type` must be an array of strings, not an integer"),
        ("driver = 570", '`driver` must be a string, not an integer\n  try: `driver = "570"`'),
        ('machines = ["A100"]', "`machines[0]` must be a table, not a string"),
        ('[[machines]]\ngpu = "A100"', "`machines[0].name` is missing"),
        (
            '[[gpus]]\nname = "x"\ncapability = "sm_90"',
            "`gpus[0].capability` is no compute capability (`9.0`)",
        ),
        (
            '[[gpus]]\nname = "x"\ncapability = "9.0"\nhost = "arm"',
            "`gpus[0].host` must be `x86_64` or `aarch64`, not `arm`",
        ),
        ('mirrors = ["https://a.example/"]', "`mirrors` must be a table of strings, not an array"),
        ('[mirrors]\n"https://a.example/" = 1', "`mirrors[0]` must be a string, not an integer"),
        ("allow = [1]", "`allow[0]` must be a string, not an integer"),
        ("python = 3.11", '`python` must be a string, not a float\n  try: `python = "3.11"`'),
        ('pre = "yes"', "`pre` must be true or false, not a string"),
        ("no-index = 1", "`no-index` must be true or false, not an integer"),
        ('find-links = "wheels"', "`find-links` must be an array of strings, not a string"),
        ('constraint = ["c.txt", true]', "`constraint[1]` must be a string, not a boolean"),
        ('index-strategy = "best"', "`index-strategy` must be `first-index` or `best-match`, not `best`"),
        ('flag-scope = "layer"', "`flag-scope` must be `position` or `list`, not `layer`"),
        ('requirements = "torch"', "`requirements` must be an array, not a string"),
        ('requirements = ["torch", 1]', "`requirements[1]` must be a string, not an integer"),
        ('requirements = [["a"], "b"]', "`requirements[1]` must be an array, as other layers are, not a string"),
        ('requirements = [["a", {}]]', "`requirements[0][1]` must be a string, not a table"),
        ('exclude = ["a b"]', "`exclude[0]` is no project name"),
        ("override-dependencies = [\"a; 'a' == 'b'\"]", "`override-dependencies[0]` is no requirement (PEP 508)"),
        ('override-dependencies = ["a", "b=1"]', "`override-dependencies[1]` is no requirement (PEP 508)"),
        ("platform = 2026-11-01", "`platform` must be a string, not a date or time"),
        ("families = {}", "`families` must be an array of tables, not a table"),
        ("families = [1]", "`families[0]` must be a table, not an integer"),
        ('[[families]]\nname = "a"\nurls = []', "`families[0].names` is missing"),
        (
            '[[families]]\nname = "a"\nnames = []\nurls = []\nexclusiv = true',
            "unknown key `families[0].exclusiv`\n  try: `exclusive`",
        ),
        ('[[dependency-metadata]]\nversion = "1"', "`dependency-metadata[0].name` is missing"),
        (
            '[[dependency-metadata]]\nname = "a"\nversion = "one"',
            "`dependency-metadata[0].version` is no version (PEP 440)",
        ),
        (
            '[[dependency-metadata]]\nname = "a"\nrequires-dist = ["b", "c d"]',
            "`dependency-metadata[0].requires-dist[1]` is no requirement (PEP 508)",
        ),
        (
            '[[dependency-metadata]]\nname = "a"\nrequires-python = "3"',
            "`dependency-metadata[0].requires-python` is no version specifier (PEP 440)",
        ),
    ],
)
def test_a_wrong_key_or_value_is_named(text: str, fault: str) -> None:
    assert find_faults(text) == [fault]


def test_all_faults_are_told_at_once() -> None:
    assert find_faults('pyton = "3.11"\npre = 1\nplatform = []') == [
        "`platform` must be a string, not an array",
        "`pre` must be true or false, not an integer",
        "unknown key `pyton`\n  try: `python`",
    ]


def test_a_url_is_not_shown_by_repr() -> None:
    settings = parse(
        """
        requirements = ["--index-url", "https://user:token@index.example/simple/"]
        index-url = "https://user:token@index.example/simple/"
        extra-index-url = ["https://user:token@index.example/simple/"]
        find-links = ["https://user:token@index.example/simple/"]
        constraint = ["https://user:token@index.example/c.txt"]
        override-dependencies = ["a @ https://user:token@index.example/a-1-py3-none-any.whl"]
        """
    )
    assert "token" not in repr(settings)


def test_urls_that_recognise_an_index_are_public_parts() -> None:
    settings = parse(
        """
        exclude-newer-exempt = ["https://user:token@Index.example/simple/"]
        dependency-metadata = [{name = "a", requires-dist = ["b @ https://user:token@index.example/b-1.zip"]}]

        [[families]]
        name = "acme"
        names = ["acme"]
        urls = ["https://user:token@index.example/torch-{torch}+{cuda}/"]
        """
    )
    assert settings.exclude_newer_exempt == ("https://index.example/simple/",)
    assert settings.families == (
        IndexFamily(name="acme", names=("acme",), urls=("https://index.example/torch-{torch}+{cuda}/",)),
    )
    assert "token" not in repr(settings)


def test_a_value_of_the_command_line_replaces_that_of_the_file() -> None:
    file = Settings(python="3.11", platform="linux", pre=True, requirements=("torch",))
    merged = file.merge(Settings(python="3.12", pre=False, requirements=("numpy",)))
    assert merged == Settings(python="3.12", platform="linux", pre=False, requirements=("numpy",))


def test_lists_join_with_the_command_line_first() -> None:
    file = Settings(extra_index_url=("https://a.example/", "https://b.example/"), constraint=("c.txt",))
    merged = file.merge(Settings(extra_index_url=("https://c.example/", "https://a.example/")))
    assert merged.extra_index_url == ("https://c.example/", "https://a.example/", "https://b.example/")
    assert merged.constraint == ("c.txt",)


def test_an_index_of_the_command_line_replaces_that_of_the_file() -> None:
    file = Settings(index_url="https://a.example/")
    assert file.merge(Settings(index_url="https://b.example/")).index_url == "https://b.example/"


def test_the_command_line_can_empty_a_format_control_of_the_file() -> None:
    file = Settings(no_binary=("a",), only_binary=(":all:",))
    merged = file.merge(Settings(no_binary=(":none:", "b")))
    assert (merged.no_binary, merged.only_binary) == (("a", ":none:", "b"), (":all:",))


def test_merging_nothing_changes_nothing() -> None:
    file = parse('python = "3.11"\nfind-links = ["x"]\npre = false')
    assert file.merge(Settings()) == file
    assert Settings().merge(file) == file


def test_complete_settings_have_the_defaults_of_what_is_unset() -> None:
    complete = Settings().complete()
    assert complete == CompleteSettings()
    assert (complete.index_strategy, complete.flag_scope, complete.exclude, complete.no_build) == (
        "first-index",
        None,
        (),
        False,
    )


def test_complete_settings_keep_what_is_set() -> None:
    settings = Settings(index_strategy="best-match", pre=True, no_build=True, exclude_newer="7 days", platform="linux")
    assert settings.complete() == CompleteSettings(
        index_strategy="best-match", no_build=True, exclude_newer="7 days", platform="linux"
    )


def test_complete_settings_have_the_types_of_settings() -> None:
    types = {one.name: str(one.type).removesuffix(" | None") for one in fields(Settings)}
    assert all(str(one.type).removesuffix(" | None") == types[one.name] for one in fields(CompleteSettings))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            Settings(index_strategy="nope"),  # type: ignore[arg-type]  # A program may set any text.
            "settings: `index-strategy` must be `first-index` or `best-match`, not `nope`",
        ),
        (
            Settings(flag_scope="layer"),  # type: ignore[arg-type]  # A program may set any text.
            "settings: `flag-scope` must be `position` or `list`, not `layer`",
        ),
        (
            Settings(index_strategy="unsafe-best-match"),  # type: ignore[arg-type]  # A program may set any text.
            "settings: `index-strategy` must be `first-index` or `best-match`, not `unsafe-best-match`",
        ),
    ],
)
def test_a_choice_that_a_program_made_up_is_an_error(settings: Settings, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.complete()
    assert str(caught.value) == message
