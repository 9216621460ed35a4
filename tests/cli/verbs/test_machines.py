"""`-m` and `--driver`: which locks a run makes, what they are called, and what they have in common."""

from __future__ import annotations

import json

import pytest

from lockfiles import digest
from tests.command import Project
from tests.servers import wheel


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", ["b>=2"]), wheel("a", "1.1", ["b>=2"]))
    project.server.add("b", wheel("b", "2.1"), wheel("b", "1.0"))
    project.write_list("a")


def accelerator(project: Project, name: str = "pylock.toml") -> dict[str, str]:
    tool = project.load(name).tool
    assert tool is not None
    return dict(tool.accelerator)


def machine_line(err: str) -> str:
    """What the summary says of the machine."""
    return next((line.strip() for line in err.splitlines() if line.startswith("  machine: ")), "")


@pytest.mark.parametrize("name", ["GPU-A100", "gpu-a100", "A100", "a100", "GPU A100"])
def test_machine_type_is_found_by_any_spelling_and_names_the_lock(project: Project, name: str) -> None:
    run = project.lock("requirements.txt", "-m", name)

    assert (run.code, project.files()) == (0, ["pylock.gpu-a100.toml", "requirements.txt"])
    assert machine_line(run.err) == (
        "machine: GPU-A100 (from `-m`): sm_80, driver 570.133.20 (assumed: the platform publishes none)"
    )


def test_unknown_machine_type_is_an_error_with_the_nearest_ones(project: Project) -> None:
    run = project.lock("requirements.txt", "-m", "GPU-B20", "-q")

    assert (run.code, project.files(), project.server.log) == (2, ["requirements.txt"], [])
    assert run.err == (
        "error: `-m`: unknown machine type `GPU-B20`\n"
        "  try: `GPU-B200`, `GPU-H200`, `GPU-GB200` or a row in `[[tool.pinfold.machines]]`\n"
    )


def test_unknown_machine_type_of_an_app_is_an_error_at_its_line(project: Project) -> None:
    project.write(
        "app.py", 'class Chat:\n    machine_type = ["GPU-H100", "H10", "quantum"]\n    requirements = ["a"]\n'
    )

    run = project.lock("app.py", "-q")

    assert (run.code, project.server.log) == (2, [])
    assert run.err == (
        "error: app.py:2: unknown machine type `H10`\n"
        "  try: `GPU-H100`, `GPU-H200`, `GPU-A100` or a row in `[[tool.pinfold.machines]]`\n"
        "app.py:2: unknown machine type `quantum`\n"
        "  try: a row in `[[tool.pinfold.machines]]`\n"
    )


def test_unknown_machine_type_of_the_configuration_is_an_error(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nmachine-type = "farm"\n')

    run = project.lock("requirements.txt", "-q")

    assert (run.code, project.server.log) == (2, [])
    assert run.err.startswith("error: [tool.pinfold]: unknown machine type `farm`\n")


def test_machine_type_of_the_configuration_is_known(project: Project) -> None:
    rows = '[[tool.pinfold.machines]]\nname = "farm"\ngpu = "H100"\n'
    project.write("pyproject.toml", f'[tool.pinfold]\nmachine-type = "farm"\n{rows}')

    run = project.lock("requirements.txt")

    assert run.code == 0
    assert "machine: farm (from [tool.pinfold])" in machine_line(run.err)


def test_gpu_of_another_vendor_is_an_error_before_any_request(project: Project) -> None:
    run = project.lock("requirements.txt", "-m", "MI300X")

    assert (run.code, project.server.log) == (2, [])
    assert run.err.startswith("error: `-m`: machine type `MI300X`: AMD GPUs are not supported: ")


def test_machine_with_a_driver_that_does_not_know_its_gpu_does_not_exist(project: Project) -> None:
    run = project.lock("requirements.txt", "-m", "B200", "--driver", "550")

    assert (run.code, project.server.log) == (2, [])
    assert run.err == (
        "error: `-m`: machine type `GPU-B200` with driver 550 does not exist: a driver knows B200 from 570.133.20 on\n"
        "  try: `--driver 570.133.20`\n"
    )


def test_each_machine_type_has_its_own_lock_and_pages_are_asked_for_once(project: Project) -> None:
    one = project.lock("requirements.txt", "-m", "A100", "-q", "--cache-dir", str(project.folder / "../one"))
    asked = sorted(project.server.paths())
    project.server.log.clear()

    names = ("T4", "A6000", "A100", "4090", "L40", "H100", "B200", "5090")
    argv = [word for name in names for word in ("-m", name if name[0].isalpha() else f"RTX{name}")]
    run = project.lock("requirements.txt", *argv, "-q")

    assert (one.code, run.code) == (0, 0)
    assert [name for name in project.files() if name.startswith("pylock")] == [
        "pylock.gpu-a100.toml",
        "pylock.gpu-a6000.toml",
        "pylock.gpu-b200.toml",
        "pylock.gpu-h100.toml",
        "pylock.gpu-l40.toml",
        "pylock.gpu-rtx4090.toml",
        "pylock.gpu-rtx5090.toml",
        "pylock.gpu-t4.toml",
    ]
    assert sorted(project.server.paths()) == asked


def test_equal_machines_have_locks_with_one_digest_whichever_had_a_lock_before(project: Project) -> None:
    project.write_list("a==1.0")
    project.lock("requirements.txt", "-m", "H200", "-q")
    project.write_list("a")

    run = project.lock("requirements.txt", "-m", "H100", "-m", "H200", "-m", "A100", "-q")

    assert run.code == 0
    h100, h200 = project.load("pylock.gpu-h100.toml"), project.load("pylock.gpu-h200.toml")
    assert (project.pins("pylock.gpu-h100.toml")["a"], project.pins("pylock.gpu-a100.toml")["a"]) == ("1.0", "1.1")
    assert digest(h100) == digest(h200)
    assert h100 == h200


def test_machine_type_named_twice_is_locked_once(project: Project) -> None:
    run = project.lock("requirements.txt", "-m", "A100", "-m", "gpu-a100")

    assert run.code == 0
    assert run.err.count("→") == 1


def test_fallback_list_is_one_lock_for_all_of_its_machines(project: Project) -> None:
    run = project.lock("requirements.txt", "-m", "H100,A100", "--driver", "550.54.15")

    assert (run.code, project.files()) == (0, ["pylock.gpu-h100-or-gpu-a100.toml", "requirements.txt"])
    assert machine_line(run.err) == (
        "machine: GPU-H100 or GPU-A100 (from `-m`): sm_80, sm_90, driver 550.54.15 (from `--driver`)"
    )
    assert accelerator(project, "pylock.gpu-h100-or-gpu-a100.toml") == {
        "kind": "gpu",
        "capability": "8.0 9.0",
        "driver": "550.54.15",
        "driver-source": "flag",
    }


def test_cpu_machine_beside_a_gpu_makes_a_gpu_lock_and_a_warning(project: Project) -> None:
    run = project.lock("requirements.txt", "-m", "XL,A100", "-q")

    assert run.code == 0
    assert run.err == (
        "warning: `-m`: the lock is for the GPU types of the list; on `XL` its CUDA builds run without a GPU\n"
    )


def test_cpu_machine_is_recorded(project: Project) -> None:
    run = project.lock("requirements.txt", "-m", "xl")

    assert machine_line(run.err) == "machine: XL (from `-m`): no GPU"
    assert accelerator(project, "pylock.xl.toml") == {"kind": "cpu"}


def test_driver_without_a_gpu_says_nothing_and_the_run_says_so(project: Project) -> None:
    run = project.lock("requirements.txt", "--driver", "550", "-q")

    assert run.err == "warning: `--driver 550` says nothing here: the lock is for no machine type\n"
    assert accelerator(project) == {}


def test_machine_types_of_app_beat_those_of_the_table_and_the_flag_beats_both(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nmachine-type = "T4"\ndriver = "580.65.06"\n')
    project.write(
        "app.py", 'class A:\n    machine_type = ["GPU-H100", "A100"]\n    requirements = ["-i", "INDEX", "a"]\n'
    )

    lines = [
        machine_line(project.lock(*argv).err)
        for argv in (("requirements.txt",), ("app.py",), ("app.py", "-m", "L40", "--driver", "570"))
    ]

    assert lines == [
        "machine: GPU-T4 (from [tool.pinfold]): sm_75, driver 580.65.06 (from [tool.pinfold])",
        "machine: GPU-H100 or GPU-A100 (from app.py:2): sm_80, sm_90, driver 580.65.06 (from [tool.pinfold])",
        "machine: GPU-L40 (from `-m`): sm_89, driver 570 (from `--driver`)",
    ]
    assert [name for name in project.files() if name.startswith("pylock")] == [
        "pylock.app-gpu-l40.toml",
        "pylock.app.toml",
        "pylock.toml",
    ]


def test_machines_and_gpus_of_the_table_are_known(project: Project) -> None:
    project.write(
        "pyproject.toml",
        '[[tool.pinfold.gpus]]\nname = "R200"\ncapability = "10.7"\ndriver = "590"\n'
        '[[tool.pinfold.machines]]\nname = "farm"\ngpu = "R200"\ndriver = "595.10"\n',
    )

    run = project.lock("requirements.txt", "-m", "farm")

    assert machine_line(run.err) == "machine: farm (from `-m`): sm_107, driver 595.10 (from [tool.pinfold])"
    assert project.files() == ["pylock.farm.toml", "pyproject.toml", "requirements.txt"]


def test_sources_and_machine_types_name_a_lock_together(project: Project) -> None:
    project.write("web.txt", "-i INDEX\na\n")

    assert project.lock("web.txt", "requirements.txt", "-m", "H100", "-m", "XL", "-q").code == 0
    assert [name for name in project.files() if name.startswith("pylock")] == [
        "pylock.gpu-h100.toml",
        "pylock.web-gpu-h100.toml",
        "pylock.web-xl.toml",
        "pylock.xl.toml",
    ]


def test_one_file_cannot_hold_the_locks_of_two_machine_types(project: Project) -> None:
    run = project.lock("requirements.txt", "-m", "H100", "-m", "A100", "-o", "pylock.x.toml")

    assert (run.code, project.server.log) == (2, [])
    assert run.err == (
        "error: `requirements.txt for GPU-H100` and `requirements.txt for GPU-A100` would both be locked into"
        " `pylock.x.toml`\n  try: `-o FOLDER`, or one `-m`; `-m A,B` is one lock for both\n"
    )


def test_locks_of_two_machine_types_cannot_be_printed(project: Project) -> None:
    run = project.lock("requirements.txt", "-m", "H100", "-m", "A100", "-o", "-")

    assert (run.code, run.out) == (2, "")
    assert run.err == (
        "error: `-o -` prints one lock, and several `-m` are named\n"
        "  try: `-o FOLDER`, or one `-m`; `-m A,B` is one lock for both\n"
    )


def test_machine_that_cannot_be_locked_for_does_not_stop_the_others(project: Project) -> None:
    run = project.lock("requirements.txt", "-m", "B200", "-m", "A100", "--driver", "550", "-q")

    assert (run.code, project.files()) == (2, ["pylock.gpu-a100.toml", "requirements.txt"])
    assert run.err == (
        "error: for B200: `-m`: machine type `GPU-B200` with driver 550 does not exist: a driver knows B200 from"
        " 570.133.20 on\n  try: `--driver 570.133.20`\n"
    )


def test_warning_that_several_locks_share_is_told_once(project: Project) -> None:
    run = project.lock("requirements.txt", "-m", "XL", "-m", "S", "--driver", "550", "-q")

    assert (run.code, run.err) == (0, "warning: `--driver 550` says nothing here: the lock is for no GPU\n")


def test_arm_hosts_take_wheels_of_their_own(project: Project) -> None:
    project.server.add("b", wheel("b", "3.0", tags="cp311-cp311-manylinux_2_17_aarch64"))

    assert project.lock("requirements.txt", "-m", "GH200", "-m", "H100", "-q").code == 0
    assert project.pins("pylock.gpu-gh200.toml")["b"] == "3.0"
    assert project.pins("pylock.gpu-h100.toml")["b"] == "2.1"


def test_platform_that_is_not_the_one_of_the_gpu_is_refused(project: Project) -> None:
    run = project.lock("requirements.txt", "-m", "GH200", "--platform", "linux")

    assert (run.code, project.server.log) == (2, [])
    assert "its host is Linux on aarch64" in run.err


def test_check_compares_what_the_machine_runs_without_a_request(project: Project) -> None:
    project.lock("requirements.txt", "-m", "A100", "-q")
    project.server.log.clear()

    fits = project.lock("requirements.txt", "-m", "A100-80GB", "-o", "pylock.gpu-a100.toml", "--check")
    other = project.lock("requirements.txt", "-m", "A100", "--driver", "535", "--check")
    none = project.lock("requirements.txt", "-o", "pylock.gpu-a100.toml", "--check")

    assert (fits.code, fits.err) == (0, "requirements.txt: pylock.gpu-a100.toml fits\n")
    assert (other.code, other.err) == (
        1,
        "requirements.txt: pylock.gpu-a100.toml does not fit\n"
        "  machine: compute capability 8.0 with driver 570.133.20 -> compute capability 8.0 with driver 535\n"
        "  try: `lock requirements.txt -m GPU-A100 --python 3.11 --driver 535`\n",
    )
    assert (none.code, none.err) == (
        1,
        "requirements.txt: pylock.gpu-a100.toml does not fit\n"
        "  machine: compute capability 8.0 with driver 570.133.20 -> not named\n"
        "  try: `lock requirements.txt --python 3.11 --output pylock.gpu-a100.toml`\n",
    )
    assert project.server.log == []


def test_check_of_several_machine_types_looks_at_the_lock_of_each(project: Project) -> None:
    project.lock("requirements.txt", "-m", "A100", "-q")

    run = project.lock("requirements.txt", "-m", "A100", "-m", "H100", "--check")

    assert (run.code, run.err) == (
        1,
        "requirements.txt: pylock.gpu-a100.toml fits\n"
        "requirements.txt: pylock.gpu-h100.toml does not fit\n"
        "  there is no such file\n"
        "  try: `lock requirements.txt -m GPU-H100 --python 3.11`\n",
    )


def test_driver_within_the_same_releases_of_cuda_still_fits(project: Project) -> None:
    project.lock("requirements.txt", "-m", "A100", "-q")

    assert project.lock("requirements.txt", "-m", "A100", "--driver", "570.172.08", "--check").code == 0


def test_mirrors_and_allowances_are_recorded_and_checked(project: Project) -> None:
    table = '[tool.pinfold]\nallow = ["torch"]\n[tool.pinfold.mirrors]\n"https://download.pytorch.org/whl/" = "INDEX"\n'
    project.write("pyproject.toml", table)
    project.lock("requirements.txt", "-q")
    tool = project.load().tool
    assert tool is not None
    assert tool.settings["allow"] == ("torch",)
    assert tool.settings["mirrors"] == (f"https://download.pytorch.org/whl/ at {project.server.index_url}",)

    project.write("pyproject.toml", table.replace('allow = ["torch"]\n', ""))
    run = project.lock("requirements.txt", "--check")

    assert (run.code, run.err) == (
        1,
        "requirements.txt: pylock.toml does not fit\n  setting `allow`: `torch` -> not set\n"
        "  try: `lock requirements.txt --python 3.11`\n",
    )


def test_json_names_machine_capability_and_driver(project: Project) -> None:
    document = json.loads(project.lock("requirements.txt", "-m", "H100", "-m", "XL", "--json", "-q").out)

    assert [lock["machine"] for lock in document["locks"]] == [
        {
            "types": ["GPU-H100"],
            "from": "`-m`",
            "capabilities": ["9.0"],
            "driver": {"version": "570.133.20", "from": "assumption"},
            "other_drivers": [],
        },
        {"types": ["XL"], "from": "`-m`"},
    ]


def test_json_has_a_row_for_a_machine_that_failed(project: Project) -> None:
    document = json.loads(
        project.lock("requirements.txt", "-m", "XL", "-m", "B200", "--driver", "550", "--json", "-q").out
    )

    assert [(lock["source"], lock.get("machine_types"), lock.get("exit_code")) for lock in document["locks"]] == [
        ("requirements.txt", None, None),
        ("requirements.txt", "B200", 2),
    ]
