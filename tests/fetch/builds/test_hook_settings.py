"""The script that adds config settings to the arguments of a hook."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from resolver.fetch.builds import hook_settings

_HOOK = """
import json, os, sys
with open(sys.argv[1]) as file:
    first = json.load(file)
with open(sys.argv[1]) as file:
    second = json.load(file)
print(json.dumps([first, second, sys.argv[1:], os.path.dirname(sys.argv[0]) in sys.path]))
"""


def run_script(folder: Path, arguments: object, settings: object) -> subprocess.CompletedProcess[str]:
    """The end of a hook's script, which reads its arguments out of a file."""
    (folder / "hook.py").write_text(_HOOK)
    (folder / "input.json").write_text(json.dumps(arguments))
    command = [sys.executable, hook_settings.__file__, str(folder / "hook.py"), str(folder / "input.json")]
    return subprocess.run(command, input=json.dumps(settings), capture_output=True, text=True, check=False)


def test_settings_reach_the_first_arguments_of_a_hook(tmp_path: Path) -> None:
    arguments = {"kwargs": {"config_settings": None, "wheel_directory": "w"}}
    done = run_script(tmp_path, arguments, {"key": "value"})
    first, second, words, _ = json.loads(done.stdout)
    assert first == {"kwargs": {"config_settings": {"key": "value"}, "wheel_directory": "w"}}
    assert second == arguments
    assert words == [str(tmp_path / "input.json")]
    assert (done.returncode, done.stderr) == (0, "")


def test_settings_that_no_hook_reads_are_an_error(tmp_path: Path) -> None:
    done = run_script(tmp_path, {"kwargs": {}}, {"key": "value"})
    assert (done.returncode, done.stderr.strip()) == (1, "the config settings did not reach the backend")
