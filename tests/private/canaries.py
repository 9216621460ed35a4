"""A list with a secret of every kind, each with a value of its own that can be searched for."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from tests.command import Project
from tests.git_server import GitServer, make_repository
from tests.private.buckets import Bucket
from tests.servers import Answer, IndexServer, ServedFile, wheel

__all__ = ["Planted"]

_BACKEND = """\
import os, sys, zipfile

NAME = "demo-1.0-py3-none-any.whl"
METADATA = "Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n"


def build_wheel(directory, config_settings=None, metadata_directory=None):
    with open({dump!r}, "a") as file:
        file.write(repr((sys.argv, dict(os.environ))))
    with zipfile.ZipFile(os.path.join(directory, NAME), "w") as wheel:
        wheel.writestr("demo.py", "")
        wheel.writestr("demo-1.0.dist-info/METADATA", METADATA)
        wheel.writestr("demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("demo-1.0.dist-info/RECORD", "")
    return NAME
"""
_PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "demo"
version = "1.0"
"""
_QUERIES = {
    "google-4": "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=k&X-Goog-Signature={}",
    "google-2": "GoogleAccessId=k&Expires=4000000000&Signature={}",
    "azure": "sv=2024-01-01&sp=r&se=2099-01-01&sig={}",
    "cloudfront": "Expires=4000000000&Signature={}&Key-Pair-Id=k",
    "private-token": "private_token={}",
    "access-token": "access_token={}",
}


class Planted:
    """What is planted where: `values` by kind, earlier ones in `rotated`; what holds them by nature is in `own`."""

    def __init__(self, project: Project, other: IndexServer, bucket: Bucket, git: GitServer, own: Path) -> None:
        self.values: dict[str, str] = {}
        self.rotated: dict[str, str] = {}
        self._round = 1
        self.own = own
        self.dump = own / "backend-saw"
        self._project, self._other, self._bucket, self._git = project, other, bucket, git
        own.mkdir()
        repository = make_repository(git.folder / "demo")
        repository.commit({"pyproject.toml": _PYPROJECT, "backend.py": _BACKEND.format(dump=str(self.dump))})
        self._plant_environment()
        self.list = own / "requirements.in"
        self.write_list()

    def new(self, kind: str) -> str:
        """A secret that stands nowhere else."""
        number = 1 if kind == "config" else self._round
        value = self.values[kind] = f"canary{kind.replace('-', '')}Zq{number}"
        return value

    def rotate(self) -> None:
        """Give every secret another value, in list and environment, and let the servers know.

        But for config settings: they decide what is built, and a lock shows by a hash that they have changed.
        """
        self.rotated |= {f"{kind} {self._round}": value for kind, value in self.values.items()}
        self._round += 1
        self._plant_environment()
        self.write_list()

    def write_list(self, *more: str) -> None:
        """The list, with fresh signatures of the bucket."""
        host, other = self._project.server.base_url, self._other.base_url
        signed = [
            self._bucket.sign("acme-1.0-py3-none-any.whl", version="4"),
            self._bucket.sign("acme_core-1.2+cu124-py3-none-any.whl", version="2"),
        ]
        for number, url in enumerate(signed):
            for name, value in parse_qsl(urlsplit(url).query):
                if name in ("X-Amz-Signature", "Signature"):
                    self.values[f"aws-{number}-{name}"] = value
        self._git.token = self.new("git")
        lines = [
            f"--index-url {_with_login(host, 'me:' + self.new('index'))}/simple/",
            f"--extra-index-url {_with_login(other, '${CANARY_TOKEN}')}/simple/",
            f"--find-links {host}/links/?token={self.new('find-links')}",
            *signed,
            *(self._serve(f"{host}/files", kind, query) for kind, query in _QUERIES.items()),
            self._serve(host, "path-variable", "", folder="${CANARY_PATH}"),
            self._serve(host, "path-pattern", "", folder=f"t/{self.new('path-pattern')}"),
            f"demo @ git+{self._git.url('demo', login='me:' + self.values['git'])}@main"
            f" --config-settings=token={self.new('config')}",
            "plain",
            *more,
        ]
        self.list.write_text("\n".join((*lines, "")), encoding="utf-8")

    def _serve(self, base: str, kind: str, query: str, folder: str = "") -> str:
        """The URL of a wheel that lies on the server."""
        name = f"k-{kind}"
        file: ServedFile = wheel(name, "1.0")
        if folder:
            path = f"/{folder.replace('${CANARY_PATH}', self.values['path-variable'])}/{file.filename}"
            self._project.server.always[path] = Answer(body=file.content)
            return f"{base}/{folder}/{file.filename}"
        self._project.server.projects[name] = [file]
        return f"{base}/{file.filename}?{query.format(self.new(kind))}"

    def _plant_environment(self) -> None:
        project, setenv = self._project, self._project.monkeypatch.setenv
        setenv("CANARY_TOKEN", self.new("variable"))
        setenv("CANARY_PATH", self.new("path-variable"))
        hosts = (one.base_url.partition("://")[2] for one in (self._other, project.server))
        setenv("PINFOLD_ALLOW_VARIABLE", "CANARY_TOKEN={} CANARY_PATH={}".format(*hosts))
        setenv("HTTPS_PROXY", f"http://me:{self.new('proxy')}@127.0.0.1:9")
        setenv("NO_PROXY", "127.0.0.1")
        setenv("PINFOLD_INDEX_ELSEWHERE_URL", "https://elsewhere.example/")
        setenv("PINFOLD_INDEX_ELSEWHERE_PASSWORD", self.new("environment"))
        setenv("AWS_SECRET_ACCESS_KEY", self.new("aws-key"))
        netrc, file = self.own / "netrc", self.own / "ci.toml"
        netrc.write_text(f"machine other.example login me password {self.new('netrc')}\n")
        file.write_text(f'[[credentials]]\nurl = "https://third.example/"\npassword = "{self.new("file")}"\n')
        file.chmod(0o600)
        setenv("NETRC", str(netrc))
        setenv("PINFOLD_CREDENTIALS_FILE", str(file))
        (self.own / ".git").mkdir(exist_ok=True)
        (self.own / "pyproject.toml").write_text("[tool.pinfold.secrets]\npatterns = ['/t/([^/]+)']\n")
        project.server.projects["plain"] = [wheel("plain", "1.0")]


def _with_login(base: str, login: str) -> str:
    return base.replace("://", f"://{login}@")
