"""A list with all kinds of secrets, the hosts that want them, and runs of the command of which nothing goes unseen.

    with open_world(tmp_path) as world:
        run = world.lock("-vv")
        assert run.code == 0
        assert world.find_leaks() == []

What a user keeps himself lies in `planted` and in `project/pyproject.toml`; everything else is searched.
"""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import MappingProxyType

import packaging

import resolver
from tests.canary.children import ProcessWatch, write_wrapper
from tests.canary.planted import Canary, rotate
from tests.canary.secret_list import Hosts, build_list, open_hosts
from tests.canary.secret_search import search_files

__all__ = ["Run", "World", "open_world"]

_ENTRY = Path(__file__).with_name("entry.py")
_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the command."""

    code: int
    out: str
    err: str


@dataclass(kw_only=True)
class World:
    """The folders of one machine, and the hosts around it.

    - `project` has the list, `cache` is the cache folder, `home` and `temporary` are those of the user.
    - `records` gets whatever runs print and log, and what their children are told.
    - `planted` is what the user keeps: netrc, the file of credentials, what the keyring has.
    """

    root: Path
    hosts: Hosts
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = count()
        for folder in (self.project, self.cache, self.home, self.temporary, self.records, self.planted, self.programs):
            folder.mkdir(parents=True, exist_ok=True)
        (self.project / ".git").mkdir()
        write_wrapper(self.programs, self.records, "git")
        self._write_keyring()
        self._write_planted()
        self.write_list()

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def temporary(self) -> Path:
        return self.root / "temporary"

    @property
    def records(self) -> Path:
        return self.root / "records"

    @property
    def planted(self) -> Path:
        return self.root / "planted"

    @property
    def programs(self) -> Path:
        return self.root / "programs"

    @property
    def lockfile(self) -> Path:
        return self.project / "pylock.toml"

    def write_list(self, *more: str, change: Callable[[str], str] = str) -> None:
        """The pyproject.toml with all secrets; `more` are items behind those of the first layer."""
        text = build_list(self.hosts, more=more, python=f"{sys.version_info[0]}.{sys.version_info[1]}")
        (self.project / "pyproject.toml").write_text(change(text), encoding="utf-8")

    def rotate(self) -> None:
        """Rotate every token and sign every URL anew."""
        rotate()
        self.hosts.renew()
        self._write_keyring()
        self._write_planted()
        self.write_list()

    def lock(self, *words: str) -> Run:
        """Lock the list; see `lock_words`."""
        return self.run(*self.lock_words(*words))

    @property
    def credentials(self) -> Path:
        """The file of whoever locks."""
        return self.planted / "credentials.toml"

    @property
    def builder_credentials(self) -> Path:
        """The file of whoever builds from the lock."""
        return self.planted / "builder.toml"

    def lock_words(self, *more: str) -> tuple[str, ...]:
        """The words that lock the list with all that the command line may hold, and `more`."""
        index = self.hosts.command_line.url("/simple/", login=f"robot:{Canary.COMMAND_LINE.text}")
        fixed = ("--extra-index-url", index, "-o", str(self.lockfile), "--cache-dir", str(self.cache))
        return (*fixed, "--credentials", str(self.credentials), *more)

    def run(self, *words: str, form: str = "COMMAND") -> Run:
        """Run the command to its end. What it prints is searched with everything else."""
        process = self.start(*words, form=form)
        watch = ProcessWatch(process.pid, self._name_record("children"))
        try:
            out, err = process.communicate(timeout=_TIMEOUT_S)
        finally:
            process.kill()
            watch.stop()
        self.note(out + err)
        return Run(code=process.returncode, out=out, err=err)

    def run_on_terminal(self, *words: str) -> Run:
        """Run the command with its standard error on a terminal, where it shows its progress."""
        ours, theirs = pty.openpty()
        parts = []
        with self.start(*words, stderr=theirs, variables={"TERM": "xterm"}) as process:
            os.close(theirs)
            with suppress(OSError):  # Linux ends the output of a terminal so.
                while part := os.read(ours, 65536):
                    parts.append(part)
            out = process.communicate(timeout=_TIMEOUT_S)[0]
        os.close(ours)
        err = b"".join(parts).decode()
        self.note(out + err)
        return Run(code=process.returncode, out=out, err=err)

    def start(
        self,
        *words: str,
        form: str = "COMMAND",
        stderr: int = subprocess.PIPE,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> subprocess.Popen[str]:
        """Start the command; `variables` are set beside those of the user."""
        return subprocess.Popen(
            [sys.executable, str(_ENTRY), str(self.records), form, *words],
            cwd=self.project,
            env={**self.environment(), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            encoding="utf-8",
        )

    def end_when(self, is_there: Callable[[], bool], ending: signal.Signals, *words: str) -> Run:
        """Run the command until it is where it is waited for, and end it there."""
        process = self.start(*words)
        watch = ProcessWatch(process.pid, self._name_record("children"))
        try:
            # A child of a run that was killed before may still knock at the same host.
            begun = self.records / f"begun-{process.pid}"
            while not (begun.exists() and is_there()):
                assert process.poll() is None, process.communicate()
                time.sleep(0.02)
            process.send_signal(ending)
            out, err = process.communicate(timeout=_TIMEOUT_S)
        finally:
            process.kill()
            watch.stop()
        self.note(out + err)
        return Run(code=process.returncode, out=out, err=err)

    def note(self, text: str) -> None:
        """Put a text among what is searched."""
        self._name_record("output").write_text(text, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """What the user has in his environment."""
        kept = {name: os.environ[name] for name in ("LANG", "SYSTEMROOT") if name in os.environ}
        sources = [Path(resolver.__file__).parents[1], Path(packaging.__file__).parents[1]]
        return {
            **kept,
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "TMPDIR": str(self.temporary),
            "NETRC": str(self.planted / "netrc"),
            "PYTHONPATH": os.pathsep.join(map(str, sources)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUTF8": "1",
            "NO_PROXY": "127.0.0.1",
            "HTTPS_PROXY": f"http://robot:{Canary.PROXY.text}@127.0.0.1:{self.hosts.proxy.port}",
            "SSL_CERT_FILE": str(self.hosts.certificate),
            "CANARY_PASSWORD": Canary.VARIABLE_USER.text,
            "CANARY_PATH": Canary.VARIABLE_PATH.text,
            "PINFOLD_ALLOW_VARIABLE": (
                f"CANARY_PASSWORD={self.hosts.variable_user.authority} CANARY_PASSWORD=apps"
                f" CANARY_PATH={self.hosts.variable_path.authority}"
            ),
            "PINFOLD_INDEX_ENVIRONMENT_URL": self.hosts.variables.url("/simple/"),
            "PINFOLD_INDEX_ENVIRONMENT_USERNAME": "robot",
            "PINFOLD_INDEX_ENVIRONMENT_PASSWORD": Canary.VARIABLES.text,
            "AWS_SECRET_ACCESS_KEY": Canary.AMBIENT_AWS.text,
            "GITHUB_TOKEN": Canary.AMBIENT_GITHUB.text,
            **self.variables,
        }

    def find_leaks(self, *, but: tuple[Path, ...] = ()) -> list[str]:
        """What holds a secret and should not. What runs told is searched once, and then removed."""
        places = (self.project, self.cache, self.home, self.temporary, self.records)
        found = search_files(places, but=(self.project / "pyproject.toml", *but))
        for path in self.records.iterdir():
            path.unlink()
        return found

    def _name_record(self, kind: str) -> Path:
        return self.records / f"{kind}-{next(self._numbers)}.txt"

    def _write_planted(self) -> None:
        netrc = self.planted / "netrc"
        netrc.write_text(f"machine netrc.example login robot password {Canary.NETRC.text}\n", encoding="utf-8")
        rows = {
            self.hosts.credentials_file.url("/simple/"): Canary.CREDENTIALS_FILE,
            self.hosts.submodule.base_url + "/": Canary.SUBMODULE,
        }
        self.credentials.write_text(_render_credentials(rows), encoding="utf-8")
        # Who builds has no command line of whoever locked; and a keyring is not asked for a lock with complete URLs.
        rows[self.hosts.command_line.url("/simple/")] = Canary.COMMAND_LINE
        rows[self.hosts.keyring.url("/simple/")] = Canary.KEYRING
        self.builder_credentials.write_text(_render_credentials(rows), encoding="utf-8")
        for path in (netrc, self.credentials, self.builder_credentials):
            path.chmod(0o600)

    def _write_keyring(self) -> None:
        """A command `keyring` that has one login."""
        host = self.hosts.keyring.authority
        answer = f'{{"username": "robot", "password": "{Canary.KEYRING.text}"}}'
        (self.planted / "keyring.json").write_text(answer, encoding="utf-8")
        program = self.programs / "keyring"
        program.write_text(
            "#!/bin/sh\n"
            f"printf '%s\\n' \"$0\" \"$@\" >> '{self.records}/keyring'-$$.txt\n"
            f"case \"$*\" in *{host}*) cat '{self.planted}/keyring.json' ;; *) exit 1 ;; esac\n",
            encoding="utf-8",
        )
        program.chmod(0o755)


def _render_credentials(rows: Mapping[str, Canary]) -> str:
    return "".join(
        f'[[credentials]]\nurl = "{url}"\nusername = "robot"\npassword = "{canary.text}"\n'
        for url, canary in rows.items()
    )


@contextmanager
def open_world(root: Path) -> Iterator[World]:
    """A world below a folder, while its hosts are up."""
    with ExitStack() as stack:
        yield World(root=root, hosts=open_hosts(root / "hosts", stack))
