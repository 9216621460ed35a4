"""The list with all kinds of secrets, and the hosts that it names: each gives its one project for its canary alone."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import tarfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qsl

from tests.canary.hosts import Allow, Host, Proxy, has_login, has_path, has_query
from tests.canary.planted import Canary
from tests.distributions import make_sdist, wheel_filename
from tests.git_server import GitServer, Repository, make_repository
from tests.servers import sdist, wheel

__all__ = ["PROJECTS", "Hosts", "build_list", "open_hosts"]

_QUERIES = {
    Canary.SIGV4: "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=CANARY-key%2F20990101%2Fx%2Fs3%2Faws4_request"
    "&X-Amz-Date=20990101T000000Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host"
    "&X-Amz-Security-Token=CANARY-session%2F%2B%3D&X-Amz-Signature=CANARY",
    Canary.SIGV2: "AWSAccessKeyId=CANARY-key&Expires=4102444800&Signature=CANARY",
    Canary.GCS4: "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=CANARY-key%2F20990101%2Fauto%2Fstorage"
    "&X-Goog-Date=20990101T000000Z&X-Goog-Expires=604800&X-Goog-SignedHeaders=host&X-Goog-Signature=CANARY",
    Canary.GCS2: "GoogleAccessId=CANARY-key&Expires=4102444800&Signature=CANARY",
    Canary.AZURE: "sv=2024-11-04&st=2024-01-01T00%3A00%3A00Z&se=2099-01-01T00%3A00%3A00Z&sr=b&sp=r&sig=CANARY",
    Canary.CLOUDFRONT: "Expires=4102444800&Signature=CANARY&Key-Pair-Id=CANARY-key",
    Canary.ALIBABA4: "x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-credential=CANARY-key%2F20990101%2Fx%2Foss"
    "&x-oss-date=20990101T000000Z&x-oss-expires=604800&x-oss-security-token=CANARY-session%2F%2B%3D"
    "&x-oss-signature=CANARY",
    Canary.ALIBABA1: "OSSAccessKeyId=CANARY-key&Expires=4102444800&security-token=CANARY-session&Signature=CANARY",
    Canary.TENCENT: "q-sign-algorithm=sha1&q-ak=CANARY-key&q-sign-time=1700000000;4102444800"
    "&q-key-time=1700000000;4102444800&q-header-list=host;range&q-url-param-list=&q-signature=CANARY"
    "&x-cos-security-token=CANARY-session",
    Canary.HUAWEI: "AccessKeyId=CANARY-key&Expires=4102444800&Signature=CANARY",
    Canary.AKAMAI: "hdnts=st=1700000000~exp=4102444800~acl=/*~hmac=CANARY",
    Canary.AKAMAI_EDGE: "hdnea=exp=4102444800~acl=%2f*~hmac=CANARY",
    Canary.AKAMAI_TOKEN: "__token__=exp=4102444800~hmac=CANARY",
    Canary.CLOUDFLARE: "verify=1700000000-CANARY%3D",
    Canary.QUERY_TOKEN: "token=CANARY",
    Canary.QUERY_SIG: "sig=CANARY",
    Canary.QUERY_KEY: "key=CANARY",
    Canary.WEB_TOKEN: "jwt=CANARY.eyJleHAiOiA0MTAyNDQ0ODAwfQ.CANARY-signature",
    Canary.DOWNLOAD_TOKEN: "download_token=CANARY&v=1",
    Canary.SECURE_LINK: "st=CANARY&e=4102444800",
    Canary.SECURE_END: "st=CANARY&se=CANARY",
    Canary.RANDOM_QUERY: "share=CANARY.kR7xQ2mVn4Zt9pLw8sYb&raw=true",
}
_SIGNED = tuple(_QUERIES)
PROJECTS = frozenset(
    canary.value
    for canary in Canary
    if canary not in (Canary.PROXY, Canary.CONFIG_SETTING, Canary.AMBIENT_AWS, Canary.AMBIENT_GITHUB, Canary.SUBMODULE)
) | {"built"}
"""What the lock has in the end: a project for each kind that opens one, and the sdist `built`."""

_LOOK_AROUND = """
import sys
with open({place!r} + str(os.getpid()) + ".txt", "a") as file:
    home = os.path.expanduser("~")
    print(sys.argv, dict(os.environ), os.listdir(home), file=file)
    for name in (".netrc", ".config/pip/pip.conf", ".aws/credentials"):
        if os.path.exists(os.path.join(home, name)):
            print(open(os.path.join(home, name)).read(), file=file)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """The hosts, by what opens them. `certificate` is what `secure` is known by; `dump` is where backends write."""

    command_line: Host
    index_login: Host
    user_token: Host
    variable_user: Host
    variable_path: Host
    extra_login: Host
    links_login: Host
    direct_login: Host
    signed: dict[Canary, Host]
    signed_link: Host
    redirect: Host
    variables: Host
    credentials_file: Host
    keyring: Host
    pattern: Host
    secure: Host
    proxy: Proxy
    git: GitServer
    submodule: GitServer
    repository: Repository
    certificate: Path
    dump: Path

    def renew(self) -> None:
        """Let what hosts themselves tell have the secrets of now."""
        self.index_login.links = self.index_login.url("", login=f"robot:{Canary.INDEX_LOGIN.text}")
        query = _QUERIES[Canary.SIGV4].replace("CANARY", Canary.SIGNED_LINK.text)
        self.signed_link.query = "?" + query.replace("&", "&amp;")
        filename = wheel_filename("redirect", "1.0")
        place = self.redirect.url(f"/files/{filename}?token={Canary.REDIRECT.text}")
        self.redirect.redirects[f"/ask/{filename}"] = place
        self.git.token, self.submodule.token = Canary.GIT_TOKEN.text, Canary.SUBMODULE.text
        self.proxy.login = f"robot:{Canary.PROXY.text}"

    def all(self) -> tuple[Host, ...]:
        """Every host but git's."""
        named = [getattr(self, name) for name in self.__slots__]
        return (*(host for host in named if isinstance(host, Host)), *self.signed.values())


def open_hosts(folder: Path, stack: ExitStack) -> Hosts:
    """The hosts, up until the stack is closed; their own files lie in the folder."""
    dump = folder / "dump"
    dump.mkdir(parents=True)

    def open_host(canary: Canary, allow: Allow) -> Host:
        return stack.enter_context(Host({canary.value: [wheel(canary.value, "1.0")]}, allow=allow))

    def open_login(canary: Canary) -> Host:
        return open_host(canary, has_login(lambda: ("robot", canary.text)))

    def open_signed(canary: Canary) -> Host:
        # Every parameter with the canary in it.
        marks = [(mark, value) for mark, value in parse_qsl(_QUERIES[canary]) if "CANARY" in value]
        checks = [has_query(partial(_plant, mark, value, canary)) for mark, value in marks]
        return open_host(canary, lambda asked: all(check(asked) for check in checks))

    command_line = open_login(Canary.COMMAND_LINE)
    looking = _LOOK_AROUND.format(place=str(dump / "built-"))
    command_line.projects["built"] = [sdist("built", "1.0", static=False, backend_statement=looking)]
    certificate, tls = _make_certificate(folder)
    secure = stack.enter_context(
        Host(
            {"netrc": [wheel("netrc", "1.0")]},
            allow=has_login(lambda: ("robot", Canary.NETRC.text)),
            tls=tls,
        )
    )
    git, submodule, repository = _open_git(folder / "git", stack, dump)
    user_token, variable_path, pattern = Canary.USER_TOKEN, Canary.VARIABLE_PATH, Canary.PATTERN
    hosts = Hosts(
        command_line=command_line,
        index_login=open_login(Canary.INDEX_LOGIN),
        user_token=open_host(user_token, has_login(lambda: (user_token.text, ""))),
        variable_user=open_login(Canary.VARIABLE_USER),
        variable_path=open_host(variable_path, has_path(lambda: f"/t/{variable_path.text}/")),
        extra_login=open_login(Canary.EXTRA_LOGIN),
        links_login=open_login(Canary.LINKS_LOGIN),
        direct_login=open_login(Canary.DIRECT_LOGIN),
        signed={canary: open_signed(canary) for canary in _SIGNED},
        # A lock has the links of that index without signature, so those are good, too.
        signed_link=open_host(Canary.SIGNED_LINK, lambda asked: True),
        redirect=open_host(
            Canary.REDIRECT,
            lambda asked: asked.path.startswith("/ask/") or f"token={Canary.REDIRECT.text}" in asked.target,
        ),
        variables=open_login(Canary.VARIABLES),
        credentials_file=open_login(Canary.CREDENTIALS_FILE),
        keyring=open_login(Canary.KEYRING),
        pattern=open_host(pattern, has_path(lambda: f"/p/{pattern.text}/")),
        secure=secure,
        proxy=stack.enter_context(Proxy(secure)),
        git=git,
        submodule=submodule,
        repository=repository,
        certificate=certificate,
        dump=dump,
    )
    hosts.renew()
    return hosts


def build_list(hosts: Hosts, *, more: Sequence[str] = (), python: str) -> str:
    """The pyproject.toml: a list of two layers, which holds each kind of secret that a list can hold."""
    extra = (
        hosts.user_token.url("/simple/", login=Canary.USER_TOKEN.text),
        hosts.variable_user.url("/simple/", login="robot:${CANARY_PASSWORD}"),
        hosts.variable_path.url("/t/${CANARY_PATH}/simple/"),
        hosts.variables.url("/simple/"),
        hosts.credentials_file.url("/simple/"),
        hosts.keyring.url("/simple/"),
        hosts.pattern.url(f"/p/{Canary.PATTERN.text}/simple/"),
        hosts.signed_link.url("/simple/"),
        "https://netrc.example/simple/",
    )
    direct = wheel_filename(Canary.DIRECT_LOGIN.value, "1.0")
    first = [
        f"--index-url={hosts.index_login.url('/simple/', login=f'robot:{Canary.INDEX_LOGIN.text}')}",
        *(f"--extra-index-url={url}" for url in extra),
        f"--find-links={hosts.links_login.url('/links/', login=f'robot:{Canary.LINKS_LOGIN.text}')}",
        *("user-token", "variable-user", "variable-path", "index-login", "pinfold-variables", "credentials-file"),
        *("keyring", "pattern", "signed-link", "netrc", "links-login", "command-line"),
        f"built --config-settings=key={Canary.CONFIG_SETTING.text}",
        f"direct-login @ {hosts.direct_login.url(f'/files/{direct}', login=f'robot:{Canary.DIRECT_LOGIN.text}')}",
        *(f"{canary.value} @ {sign(hosts, canary)}" for canary in _SIGNED),
        f"redirect @ {hosts.redirect.url('/ask/' + wheel_filename('redirect', '1.0'))}",
        f"git-token @ git+{hosts.git.url('git-token', login=f'robot:{Canary.GIT_TOKEN.text}')}@main",
        *more,
    ]
    second = [
        f"--extra-index-url={hosts.extra_login.url('/simple/', login=f'robot:{Canary.EXTRA_LOGIN.text}')}",
        f"--index-url={hosts.credentials_file.url('/simple/')}",
        "extra-login",
    ]
    return (
        f'[tool.pinfold]\npython = "{python}"\nrequirements = {json.dumps([first, second], indent=2)}\n'
        "[tool.pinfold.secrets]\npatterns = ['/p/([^/]+)']\n"
    )


def _plant(mark: str, value: str, canary: Canary) -> tuple[str, str]:
    """A parameter with the canary of now."""
    return mark, value.replace("CANARY", canary.text)


def sign(hosts: Hosts, canary: Canary) -> str:
    """The URL of the wheel of a kind, with its signature."""
    query = _QUERIES[canary].replace("CANARY", canary.text)
    return hosts.signed[canary].url(f"/files/{wheel_filename(canary.value, '1.0')}?{query}")


def _open_git(folder: Path, stack: ExitStack, dump: Path) -> tuple[GitServer, GitServer, Repository]:
    """A repository with a project that is built, and a private submodule on another host."""
    folder.mkdir()
    (folder / "inner").mkdir()
    inner = make_repository(folder / "inner" / "submodule")
    commit_id = inner.commit({"inner.txt": "inner"})
    submodule = stack.enter_context(GitServer(folder / "inner"))
    repository = make_repository(folder / "git-token")
    looking = _LOOK_AROUND.format(place=str(dump / "git-"))
    with tarfile.open(fileobj=BytesIO(make_sdist("git-token", "1.0", backend_statement=looking))) as archive:
        names = [name for name in archive.getnames() if not name.endswith("PKG-INFO")]
        contents = {name.partition("/")[2]: archive.extractfile(name) for name in names}
        repository.commit({name: file.read() for name, file in contents.items() if file is not None})
    repository.add_submodule("inner", submodule.url("submodule"), commit_id)
    repository.commit_index()
    git = stack.enter_context(GitServer(folder))
    return git, submodule, repository


def _make_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """The certificate of `netrc.example`, and what its server needs."""
    assert shutil.which("openssl") is not None
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=netrc.example"]
    command += [
        "-addext",
        "subjectAltName=DNS:netrc.example",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context
