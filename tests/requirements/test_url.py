from __future__ import annotations

import pickle
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resolver.requirements.url import (
    Secret,
    Url,
    find_illegal_character,
    find_unset,
    parse_url,
    redact,
    withhold_random_queries,
)


def open_secret(url: Url) -> str | None:
    return url.secret.open_for_transport() if url.secret else None


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("https://user:hunter2@index.example/simple/", "https://index.example/simple/"),
        ("https://hunter2@index.example/simple/", "https://index.example/simple/"),
        ("https://user:p%40ss@index.example:8443/simple/", "https://index.example:8443/simple/"),
        ("https://user:p@ss@index.example/", "https://index.example/"),
        ("ssh://git:hunter2@git.example/o/r.git", "ssh://git@git.example/o/r.git"),
        ("https://f.example/a.whl?token=hunter2", "https://f.example/a.whl"),
        ("https://f.example/a.whl?v=1&private_token=hunter2", "https://f.example/a.whl?v=1"),
        ("https://f.example/a.whl?Access_Token=hunter2&v=1", "https://f.example/a.whl?v=1"),
        ("https://f.example/a.whl?%74oken=hunter2", "https://f.example/a.whl"),
        ("https://f.example/a.whl?v=1;token=hunter2", "https://f.example/a.whl?v=1"),
        (
            "https://s3.example/b/a.whl?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=k&X-Amz-Signature=hunter2",
            "https://s3.example/b/a.whl",
        ),
        ("https://s3.example/b/a.whl?AWSAccessKeyId=k&Signature=hunter2&Expires=1", "https://s3.example/b/a.whl"),
        ("https://gs.example/b/a.whl?X-Goog-Signature=hunter2&X-Goog-Date=1", "https://gs.example/b/a.whl"),
        ("https://gs.example/b/a.whl?GoogleAccessId=k&Expires=1&Signature=hunter2", "https://gs.example/b/a.whl"),
        ("https://z.example/c/a.whl?sv=2024-01-01&sp=r&se=2026&sig=hunter2", "https://z.example/c/a.whl"),
        ("https://d.example/a.whl?Expires=1&Signature=hunter2&Key-Pair-Id=k", "https://d.example/a.whl"),
        ("https://d.example/a.whl?Policy=hunter2&Signature=x&Key-Pair-Id=k", "https://d.example/a.whl"),
        (
            "https://o.example/a.whl?OSSAccessKeyId=k&Expires=1&Signature=hunter2&security-token=t",
            "https://o.example/a.whl",
        ),
        (
            "https://o.example/a.whl?X-Oss-Credential=k&x-oss-date=1&x-oss-signature=hunter2&v=1",
            "https://o.example/a.whl?v=1",
        ),
        ("https://h.example/a.whl?AccessKeyId=k&Expires=1&Signature=hunter2", "https://h.example/a.whl"),
        (
            "https://t.example/a.whl?q-sign-algorithm=sha1&q-ak=k&q-sign-time=1;2&q-key-time=1;2&q-header-list=a;b"
            "&q-url-param-list=&q-signature=hunter2&x-cos-security-token=t",
            "https://t.example/a.whl",
        ),
        ("https://t.example/a.whl?q-sign-time=1;2;v=1&q-ak=hunter2&q-signature=s", "https://t.example/a.whl?v=1"),
        ("https://k.example/a.whl?hdnts=exp=1~acl=/*~hmac=hunter2", "https://k.example/a.whl"),
        ("https://k.example/a.whl?v=1&hdnea=st=1~exp=2~hmac=hunter2", "https://k.example/a.whl?v=1"),
        ("https://k.example/a.whl?__token__=exp=1~hmac=hunter2", "https://k.example/a.whl"),
        ("https://c.example/a.whl?verify=1700000000-hunter2%3D", "https://c.example/a.whl"),
        ("https://f.example/a.whl?jwt=hunter2", "https://f.example/a.whl"),
        ("https://f.example/a.whl?key=hunter2", "https://f.example/a.whl"),
        ("https://f.example/a.whl?sig=hunter2", "https://f.example/a.whl"),
        ("https://f.example/a.whl?st=hunter2&e=1700000000", "https://f.example/a.whl"),
        ("https://f.example/a.whl?st=1700000000&se=1700000060&token=hunter2", "https://f.example/a.whl"),
        ("https://f.example/a.whl?download_token=hunter2", "https://f.example/a.whl"),
        ("https://f.example/a.whl?token=hunter2&expires=1700000000&v=1", "https://f.example/a.whl?v=1"),
        ("https://f.example/a.whl?sign=hunter2&exp=1", "https://f.example/a.whl"),
    ],
)
def test_the_public_part_has_no_credential_and_the_secret_is_the_whole_url(text: str, public: str) -> None:
    url = parse_url(text)
    assert url.public == public
    assert open_secret(url) == text


@pytest.mark.parametrize(
    "text",
    [
        "https://index.example/simple/",
        "https://index.example/simple/?sv=1&Expires=2",
        "https://index.example/simple/?e=1&exp=2",
        "https://index.example/simple/?verify=false",
        "https://index.example/simple/?a=1;2",
        "ssh://git@git.example/o/r.git",
        "file:///srv/wheels",
        "./wheels",
        "",
        "https://[::1/broken",
    ],
)
def test_a_url_without_credential_has_no_secret(text: str) -> None:
    assert parse_url(text) == Url(public=text)
    assert parse_url(text).secret is None


def test_scheme_and_host_are_lower_case_and_a_fragment_is_dropped() -> None:
    assert parse_url("HTTPS://Index.Example/Simple/#x").public == "https://index.example/Simple/"


def test_a_variable_in_user_information_stays_in_the_text_and_is_not_asked_for() -> None:
    url = parse_url("https://user:${TOKEN}@index.example/simple/", variables={"TOKEN": "hunter2"})
    assert (url.public, url.text) == ("https://index.example/simple/", "https://:${TOKEN}@index.example/simple/")
    assert find_unset(url) == ()
    assert open_secret(url) == "https://user:hunter2@index.example/simple/"


def test_a_variable_in_a_token_query_stays_in_the_text_and_is_not_asked_for() -> None:
    url = parse_url("https://f.example/a.whl?token=${T}&v=1", variables={"T": "hunter2"})
    assert (url.public, url.text) == ("https://f.example/a.whl?v=1", "https://f.example/a.whl?token=${T}&v=1")
    assert open_secret(url) == "https://f.example/a.whl?token=hunter2&v=1"


@pytest.mark.parametrize(
    ("text", "public", "secret"),
    [
        ("https://f.example/${X}/simple/", "https://f.example/${X}/simple/", "https://f.example/hunter2/simple/"),
        ("https://${HOST}/simple/?c=${X}", "https://f.example/simple/?c=${X}", "https://f.example/simple/?c=hunter2"),
        ("${BASE}/${X}/simple/", "https://f.example/b/${X}/simple/", "https://f.example/b/hunter2/simple/"),
        ("git+https://f.example/${X}.git", "git+https://f.example/${X}.git", "git+https://f.example/hunter2.git"),
    ],
)
def test_any_variable_in_a_path_or_query_is_a_secret(text: str, public: str, secret: str) -> None:
    url = parse_url(text, variables={"X": "hunter2", "HOST": "f.example", "BASE": "https://f.example/b"})
    assert url.public == public
    assert open_secret(url) == secret


@pytest.mark.parametrize("text", ["file:///srv/${X}/", "git+file:///srv/${X}/", "./${X}", "${X}/wheels", "C:/${X}"])
def test_a_variable_in_a_path_on_disk_is_no_secret(text: str) -> None:
    assert parse_url(text, variables={"X": "a"}) == Url(public=text.replace("${X}", "a"))
    assert parse_url(text, variables={"X": "a"}).secret is None


def test_a_variable_for_a_host_is_expanded() -> None:
    url = parse_url("https://${HOST}/whl/", variables={"HOST": "f.example"})
    assert (url.public, url.secret) == ("https://f.example/whl/", None)


def test_variables_that_stand_for_each_other_come_to_an_end() -> None:
    assert parse_url("${A}${B}", variables={"A": "${B}", "B": "${A}"}).secret is None


def test_a_variable_that_is_a_whole_url_is_split_like_one() -> None:
    url = parse_url("${INDEX}", variables={"INDEX": "https://user:hunter2@index.example/simple/"})
    assert url.public == "https://index.example/simple/"
    assert open_secret(url) == "https://user:hunter2@index.example/simple/"


def test_an_unset_credential_leaves_no_secret_and_its_name_in_the_text() -> None:
    url = parse_url("https://user:${TOKEN}@index.example/", variables={"TOKEN": ""})
    assert str(url) == "https://:${TOKEN}@index.example/"
    assert url.secret is None
    assert find_unset(url) == ("TOKEN",)


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("https://user:hunter2@index.example/", ("a user and password",)),
        ("https://hunter2@index.example/", ("a user name, which may be a token",)),
        ("https://${U}:hunter2@index.example/", ("a user and password",)),
        ("https://${U}:${P}@index.example/", ()),
        ("https://${U}@index.example/", ()),
        ("ssh://git@git.example/r.git", ()),
        ("ssh://git:hunter2@git.example/r.git", ("a user and password",)),
        ("https://f.example/a?token=hunter2", ("a token in the query (`token`)",)),
        ("https://f.example/a?token=${U}", ()),
        ("https://f.example/a?X-Amz-Signature=s&X-Amz-Date=d", ("an AWS signature (version 4)",)),
        ("https://f.example/a?AWSAccessKeyId=k&Signature=s&Expires=1", ("an AWS signature (version 2)",)),
        ("https://f.example/a?GoogleAccessId=k&Signature=s&Expires=1", ("a Google Cloud Storage signature",)),
        ("https://f.example/a?X-Goog-Signature=s", ("a Google Cloud Storage signature",)),
        ("https://f.example/a?sig=s&sv=1&se=2", ("an Azure shared access signature",)),
        ("https://f.example/a?Key-Pair-Id=k&Policy=p&Signature=s", ("a CloudFront signature",)),
        ("https://f.example/a?OSSAccessKeyId=k&Signature=s&Expires=1", ("an Alibaba Cloud signature",)),
        ("https://f.example/a?x-oss-signature=s&x-oss-date=1", ("an Alibaba Cloud signature",)),
        ("https://f.example/a?q-ak=k&q-sign-time=1;2&q-signature=s", ("a Tencent Cloud signature",)),
        ("https://f.example/a?AccessKeyId=k&Signature=s&Expires=1", ("a Huawei Cloud signature",)),
        ("https://f.example/a?hdnts=exp=1~hmac=s", ("an Akamai signature",)),
        ("https://f.example/a?__token__=exp=1~hmac=s", ("an Akamai signature",)),
        ("https://f.example/a?verify=1-s", ("a Cloudflare signature",)),
        ("https://f.example/a?jwt=s&exp=1", ("a token in the query (`jwt`)",)),
        ("${INDEX}", ()),
    ],
)
def test_a_literal_secret_is_known_by_the_name_of_its_form(text: str, forms: tuple[str, ...]) -> None:
    variables = {"U": "u", "P": "p", "INDEX": "https://user:hunter2@index.example/"}
    assert parse_url(text, variables=variables).forms == forms


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("https://index.example/simple/", ""),
        ("https://u:p@index.example/a%20b/", ""),
        ("https://index.example/a\nb/", "a line break"),
        ("https://index.example/a\x00b/", "the control character U+0000"),
        ("https://index.example/a\u2028b/", "the control character U+2028"),
        ("https://index.example/a b/", "a space"),
        ('https://index.example/a"b/', "a quotation mark"),
        ("https://u:p%0Aq@index.example/", "a line break in its credentials"),
        ("https://u:${P}@index.example/", "a line break in its credentials"),
    ],
)
def test_a_character_that_could_add_a_line_is_a_flaw(text: str, flaw: str) -> None:
    assert find_illegal_character(parse_url(text, variables={"P": "p\nhost=evil.example"})) == flaw


def test_urls_compare_by_their_public_part() -> None:
    assert parse_url("https://a:b@index.example/") == parse_url("https://c@index.example/")


def test_a_secret_cannot_be_pickled_or_shown() -> None:
    secret = Secret("hunter2")
    assert repr(secret) == str(secret) == "Secret(…)"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_quoted_text_shows_public_urls_only() -> None:
    text = "foo @ https://u:hunter2@f.example/a.zip?token=x ; python_version > '3'"
    assert redact(text) == "foo @ https://f.example/a.zip ; python_version > '3'"


secrets = st.text(string.ascii_letters + string.digits + "-._~!$*+%", min_size=1).map(lambda text: f"Zq9{text}")
FORMS = [
    "https://{}@f.example/a.whl",
    "https://user:{}@f.example/a.whl?x=1",
    "git+ssh://git:{}@f.example/a.git",
    "https://f.example/a.whl?token={}",
    "https://f.example/a.whl?a=1&sig={}&sv=2",
    "https://f.example/a.whl?X-Amz-Signature={}&X-Amz-Date=1",
    "https://f.example/a.whl?Signature={}&Key-Pair-Id=K&Policy={}",
    "https://{}:{}@f.example:1/?access_token={}#{}",
]


@given(secrets, st.sampled_from(FORMS))
def test_no_rendering_of_a_url_shows_its_secret(secret: str, form: str) -> None:
    url = parse_url(form.replace("{}", secret))
    assert secret not in url.public + str(url) + repr(url) + f"{url}"
    assert secret in (open_secret(url) or "")


@given(secrets, st.sampled_from(FORMS))
def test_no_rendering_of_a_url_shows_the_value_of_a_variable(secret: str, form: str) -> None:
    url = parse_url(form.replace("{}", "${CREDENTIAL}"), variables={"CREDENTIAL": secret})
    assert secret not in url.public + str(url) + repr(url)
    assert secret in (open_secret(url) or "")


@given(st.text() | st.text("ahtps:/@?#&=;%[]${}T. \n"))
def test_any_text_is_a_url_and_its_public_part_is_stable(text: str) -> None:
    url = parse_url(text, variables={"T": "hunter2"})
    assert open_secret(url) != url.public
    assert parse_url(url.public, variables={}).public == url.public
    assert parse_url(url.text, variables={}).text == url.text
    assert "hunter2" not in url.text


HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"
BASE64 = "kR7_xQ2mVn4-Zt9pLw8sYb"


@pytest.mark.parametrize(
    ("query", "public", "withheld"),
    [
        (f"?id={HEX}", "", ("id",)),
        (f"?id={HEX[:16]}", "", ("id",)),
        (f"?ID={BASE64}&raw=true", "?raw=true", ("id",)),
        ("?share=550e8400-e29b-41d4-a716-446655440000", "", ("share",)),
        (f"?rlkey={BASE64}&dl=1&ticket=a.{HEX}", "?dl=1", ("rlkey", "ticket")),
        ("?x=qzxwvjkplmtrhgfdsbnc", "", ("x",)),
        ("?x=837465019283746501928374", "", ("x",)),
        ("?x=Zm9vYmFy/cXV4Q29ycmVj+dEhvcnNlQmF0dGVyeQ%3D%3D", "", ("x",)),
        (f"?ref={BASE64}", "", ("ref",)),
        (f"?{BASE64}&raw", "?raw", ("",)),
        (f"?{BASE64}=1", "", ("",)),
        (f"?token={HEX}&id={HEX}&v=1", "?v=1", ("id",)),
    ],
)
def test_a_query_whose_value_looks_random_is_withheld(query: str, public: str, withheld: tuple[str, ...]) -> None:
    complete = f"https://f.example/a-1.0-py3-none-any.whl{query}"
    url = withhold_random_queries(parse_url(complete), public=())
    assert (url.public, url.withheld) == (f"https://f.example/a-1.0-py3-none-any.whl{public}", withheld)
    assert open_secret(url) == complete


@pytest.mark.parametrize(
    "query",
    [
        "raw=true",
        "version=1.2.3",
        "download=1",
        f"ref={HEX}",
        f"commit={HEX}",
        f"sha={HEX}",
        f"Commit-SHA={HEX[:12]}",
        "sha256=" + "9f86d081884c7d659a2feaa0c55ad015" * 2,
        f"checksum=sha1:{HEX}",
        f"v={HEX[:20]}",
        "versionId=3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
        "generation=1700000000000000",
        "ref=refs/heads/add-cuda-12-wheels",
        "file=torch-2.8.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "file=flash_attn-2.8.3%2Bcu12torch2.5cxx11abiFALSE-cp311-cp311-linux_x86_64.whl",
        "created=2026-11-30T17:00:00Z",
        "created=20261130T170000Z",
        "job=12345678901234567890",
        "arch=x86_64-unknown-linux-gnu",
        "name=ReleaseCandidate2026Build",
        "image=cuda12.8.1-cudnn-devel-ubuntu22.04",
        "path=internationalization/of/things",
        "pad=0000000000000000",
        "id=${TOKEN}",
        "",
    ],
)
def test_an_honest_query_stays_in_the_url(query: str) -> None:
    url = parse_url(f"https://f.example/a.whl?{query}")
    assert withhold_random_queries(url, public=()) == url
    assert withhold_random_queries(url, public=()).withheld == ()


def test_a_query_that_the_user_calls_public_stays_in_the_url() -> None:
    url = parse_url(f"https://f.example/a.whl?id={HEX}&x={HEX}")
    assert withhold_random_queries(url, public=("ID",)).public == f"https://f.example/a.whl?id={HEX}"
    assert withhold_random_queries(url, public=("id", "x")) == url


def test_a_path_on_disk_keeps_its_query() -> None:
    assert withhold_random_queries(Url(public=f"file:///a.whl?id={HEX}"), public=()).withheld == ()


def test_a_variable_beside_a_withheld_query_stays_in_the_text() -> None:
    text = f"https://f.example/a.whl?token=${{T}}&id={HEX}"
    url = withhold_random_queries(parse_url(text, variables={"T": "hunter2"}), public=())
    assert (url.public, url.text) == ("https://f.example/a.whl", "https://f.example/a.whl?token=${T}")
    assert open_secret(url) == text.replace("${T}", "hunter2")
    unset = withhold_random_queries(parse_url(text), public=())
    assert (find_unset(unset), unset.secret) == (("T",), None)


@given(st.text("abcXYZ0189-_.=&;%?+/", max_size=60))
@example("00000001188X9YZa")
def test_what_is_withheld_from_any_query_is_in_the_secret(query: str) -> None:
    url = parse_url(f"https://f.example/a.whl?{query}")
    split = withhold_random_queries(url, public=())
    assert split == url if not split.withheld else open_secret(split) == (open_secret(url) or url.public)
    assert withhold_random_queries(split, public=()) == split
