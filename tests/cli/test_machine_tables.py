"""`lock machines`: what there is, what it runs, and what a builder pastes to say which driver it has."""

from __future__ import annotations

import ast
import json
import tomllib

import pytest

from resolver.cli.main import main
from resolver.settings.settings import parse_settings
from tests.command import Project, Run


def machines(project: Project, *argv: str) -> Run:
    """The verb as a user calls it, without the options that `Project.lock` adds."""
    project.monkeypatch.chdir(project.folder)
    project.capture.readouterr()
    code = main(["machines", *argv])
    out, err = project.capture.readouterr()
    return Run(code=code, out=out, err=err)


def test_table_has_each_machine_type_with_what_its_driver_runs(project: Project) -> None:
    lines = machines(project).out.splitlines()

    assert lines[0].split() == ["machine", "type", "GPU", "capability", "driver", "runs"]
    assert "XL             none                                CPU builds" in lines
    assert "GPU-H100       H100       9.0         570.133.20*  CUDA up to 12.x, PTX up to 12.8" in lines
    assert "GPU                                                ignored: it names no GPU" in lines
    assert lines[-1].startswith("* assumed: the platform publishes none; `lock machines --measure` prints an app")


def test_table_of_a_newer_driver_says_so_and_assumes_nothing(project: Project) -> None:
    assert machines(project, "b200", "--driver", "580").out == (
        "machine type  GPU   capability  driver  runs\n"
        "GPU-B200      B200  10.0        580     CUDA up to 13.x, PTX up to 13.0\n"
    )


def test_table_has_the_machines_of_the_configuration_first(project: Project) -> None:
    project.write(
        "pyproject.toml",
        '[[tool.pinfold.gpus]]\nname = "R200"\ncapability = "10.7"\n'
        '[[tool.pinfold.machines]]\nname = "farm"\ngpu = "R200"\ndriver = "580.65.06"\n',
    )

    assert machines(project).out.splitlines()[1] == (
        "farm           R200       10.7        580.65.06    CUDA up to 13.x, PTX up to 13.0"
    )


def test_machine_that_does_not_exist_with_a_driver_says_why_in_its_row(project: Project) -> None:
    lines = machines(project, "--driver", "550").out.splitlines()

    assert (
        "GPU-B200       B200       10.0                machine type `GPU-B200` with driver 550 does not exist:"
        " a driver knows B200 from 570.133.20 on"
    ) in lines


def test_json_of_the_table_has_the_facts(project: Project) -> None:
    document = json.loads(machines(project, "gh200", "--json").out)

    assert (document["schema"], list(document)) == (1, ["schema", "machines"])
    assert document["machines"] == [
        {
            "type": "GPU-GH200",
            "gpu": "GH200",
            "capability": "9.0",
            "host": "aarch64",
            "lowest_driver": "520.61.05",
            "driver": {"version": "570.133.20", "from": "assumption"},
            "cuda": {"newest_major": 12, "newest_with_ptx": "12.8"},
        }
    ]


def test_unknown_machine_type_is_an_error_that_names_the_nearest(project: Project) -> None:
    run = machines(project, "b20")

    assert (run.code, run.out, run.err) == (
        2,
        "",
        "error: unknown machine type `b20`\n"
        "  try: `GPU-B200`, `GPU-H200`, `GPU-GB200` or a row in `[[tool.pinfold.machines]]`\n",
    )


def test_builds_of_torch_have_a_mark_each_and_the_reason_for_each_no(project: Project) -> None:
    out = machines(project, "GPU-B200", "torch").out

    title, _, head, *rows = out.splitlines()
    assert title == "torch on GPU-B200 (sm_100, driver 570.133.20, assumed), manylinux_2_35_x86_64"
    columns = head.split()
    places = {label: head.index(label) for label in columns}
    by_version = {row.split()[0]: row for row in rows if row and row[0].isdigit()}

    def mark(version: str, label: str) -> str:
        return by_version[version][places[label] :].split("  ")[0].strip()

    assert (mark("2.4.0", "cu121"), mark("2.7.0", "cu126"), mark("2.7.0", "cu128")) == ("a*", "a*", "yes")
    assert (mark("2.8.0", "cu128"), mark("2.11.0", "cu130")) == ("yes*", "b*")
    assert rows[-2:] == ["a  has no kernels for sm_100 (GPU-B200)", "b  needs driver 580"]


def test_builds_of_torch_as_json_say_whether_and_why(project: Project) -> None:
    document = json.loads(machines(project, "b200", "torch", "--json").out)

    assert (document["types"], document["capabilities"], document["platform"]) == (
        ["GPU-B200"],
        ["10.0"],
        "manylinux_2_35_x86_64",
    )
    rows = [row for row in document["builds"] if row["version"] == "2.4.0"]
    assert [(row["label"], row["default"], row["runs"], row["why"]) for row in rows] == [
        ("cu118", False, False, "has no kernels for sm_100 (GPU-B200)"),
        ("cu121", True, False, "has no kernels for sm_100 (GPU-B200)"),
        ("cu124", False, False, "has no kernels for sm_100 (GPU-B200)"),
    ]


def test_builds_for_an_arm_host_are_those_of_its_platform(project: Project) -> None:
    assert machines(project, "GB200", "torch").out.splitlines()[0].endswith(", manylinux_2_35_aarch64")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            ("b200", "torchvision"),
            "error: builds of torchvision run where the torch of their label does\n  try: `lock machines b200 torch`\n",
        ),
        (("xl", "torch"), "error: `xl` has no GPU: CPU builds of torch run there\n  try: `lock machines`\n"),
        (
            ("xl", "--measure"),
            "error: `XL` has no GPU, and so no driver\n  try: `lock machines --measure GPU-A100`\n",
        ),
    ],
)
def test_what_has_no_table_is_refused(project: Project, argv: tuple[str, ...], message: str) -> None:
    run = machines(project, *argv)

    assert (run.code, run.out, run.err) == (2, "", message)


@pytest.mark.parametrize(
    ("argv", "lines"),
    [
        (
            ("a100", "onnxruntime-gpu"),
            [
                "builds        CUDA                    source",
                ">=1.28        13    needs driver 580  build_and_package_info.py of 1.28.0, 1.30.0 and 1.31.1",
                ">=1.22,<1.27  12    runs              build_and_package_info.py of 1.22.0, 1.23.2, 1.24.1 and 1.26.0",
                ">=1.19,<1.22  12    runs              release notes of 1.19.0, not read again (inferred)",
                ">=1.15,<1.19  11    runs              release notes of 1.19.0, not read again (inferred)",
                "other builds may be on"
                " https://aiinfra.pkgs.visualstudio.com/PublicPackages/_packaging/onnxruntime-cuda-{cuda_major}/pypi/simple/",
            ],
        ),
        (
            ("v100", "jax", "--driver", "580"),
            [
                "builds             CUDA                                                  source",
                "jax[cuda12]        12    runs                                            jax-ml/jax,"
                " docs/installation.md (official-doc)",
                "jax[cuda13]        13    needs compute capability 7.5, and sm_70 is 7.0  jax-ml/jax,"
                " docs/installation.md (official-doc)",
                "jax[cuda12-local]  12    runs                                            jax-ml/jax,"
                " docs/installation.md (official-doc)",
                "jax[cuda13-local]  13    needs compute capability 7.5, and sm_70 is 7.0  jax-ml/jax,"
                " docs/installation.md (official-doc)",
            ],
        ),
        (
            ("a100", "cupy"),
            [
                "builds        CUDA                    source",
                "cupy-cuda11x  11    runs              names on the default index; 13.6.0 is its last release",
                "cupy-cuda12x  12    runs              names on the default index",
                "cupy-cuda13x  13    needs driver 580  names on the default index",
            ],
        ),
        (
            ("a100", "vllm"),
            [
                "builds         CUDA                                source",
                "==0.33.0       13       needs driver 580           its requirement of torch 2.14.0",
                "every version  torch's  runs where its torch does  requirements of vllm 0.33.0 and sglang 0.5.23; vLLM"
                " documentation, installation (official-doc)",
                "other builds may be on https://wheels.vllm.ai/{version}/{cuda}",
                "other builds may be on https://wheels.astral.sh/simple/{cuda}/",
            ],
        ),
        (
            ("a100", "apex"),
            [
                "`apex` on the default index is another project: NVIDIA's apex is on no index",
                "  try: `apex @ git+https://github.com/NVIDIA/apex`",
            ],
        ),
    ],
)
def test_builds_of_other_families_have_a_line_each(project: Project, argv: tuple[str, ...], lines: list[str]) -> None:
    assert machines(project, *argv).out.splitlines()[2:] == lines


def test_builds_of_another_family_as_json(project: Project) -> None:
    document = json.loads(machines(project, "a100", "cupy-cuda13x", "--json").out)

    assert (document["types"], document["project"], document["indexes"]) == (["GPU-A100"], "cupy-cuda13x", [])
    assert document["builds"] == [
        {
            "what": "every version",
            "cuda": "13",
            "runs": False,
            "why": "needs driver 580",
            "source": "its name",
            "confidence": "measured",
        }
    ]


def test_project_that_no_data_is_about_is_refused_with_those_that_have_rows(project: Project) -> None:
    run = machines(project, "b200", "numpy")

    first, second = run.err.splitlines()
    assert (run.code, first) == (2, "error: the data has no builds of `numpy`: it is taken as the index has it")
    assert second.startswith("  it has torch, bitsandbytes, ")


def test_app_that_measures_is_python_and_ends_with_settings_that_are_read(project: Project) -> None:
    app = machines(project, "--measure", "h100").out

    ast.parse(app)
    assert 'machine_type = "GPU-H100"' in app
    pasted = app[app.index("# What it answers") :].splitlines()[1:]
    text = "\n".join(line.removeprefix("#").strip() for line in pasted if not line.startswith("# or"))
    settings = parse_settings(tomllib.loads(text)["tool"]["pinfold"], where="pasted")
    assert settings.driver == "570.133.20"
    assert settings.machines is not None
    assert [(row.name, row.gpu, row.driver) for row in settings.machines] == [("GPU-H100", "H100", "570.133.20")]


def test_app_that_measures_tells_what_nvidia_smi_says(project: Project) -> None:
    app = project.folder / "driver.py"
    app.write_text(machines(project, "--measure").out, encoding="utf-8")
    tool = project.folder / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho '565.57.01, NVIDIA H100 80GB HBM3, 9.0'\n", encoding="utf-8")
    tool.chmod(0o755)
    project.monkeypatch.setenv("PATH", str(project.folder), prepend=":")

    names: dict[str, object] = {"__name__": "__main__"}
    exec(compile(app.read_text(encoding="utf-8"), str(app), "exec"), names)

    assert project.capture.readouterr().out == (
        "{'driver': '565.57.01', 'gpu': 'NVIDIA H100 80GB HBM3', 'capability': '9.0',"
        " '[tool.pinfold]': 'driver = \"565.57.01\"'}\n"
    )


def test_source_called_machines_is_written_with_its_folder(project: Project) -> None:
    run = project.lock("./machines")

    assert run.code == 2
    assert run.err.startswith("error: there is no file `./machines`")
