import pytest

from resolver.errors import TargetError
from resolver.settings.settings import GpuSetting, MachineSetting
from resolver.targets.accelerators import UNSPECIFIED, Capability, Cpu, Gpu, parse_driver
from resolver.targets.machine_types import (
    MachineChoice,
    choose_platform,
    default_driver,
    has_ended,
    list_gpus,
    list_other_drivers,
    load_machines,
    parse_machine_types,
)
from resolver.targets.platforms import DEFAULT_PLATFORM, parse_platform


def gpu_of(choice: MachineChoice) -> Gpu:
    assert isinstance(choice.accelerator, Gpu)
    return choice.accelerator


def fault_of(names: str, driver: str | None = None, configured_driver: str | None = None) -> str:
    with pytest.raises(TargetError) as caught:
        parse_machine_types(names, driver=driver, configured_driver=configured_driver)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        ("GPU-RTX4090", "8.9"),
        ("GPU-RTX5090", "12.0"),
        ("GPU-A6000", "8.6"),
        ("GPU-A100", "8.0"),
        ("GPU-A100-40GB", "8.0"),
        ("GPU-A100-80GB", "8.0"),
        ("GPU-L40", "8.9"),
        ("GPU-T4", "7.5"),
        ("GPU-H100", "9.0"),
        ("GPU-H200", "9.0"),
        ("GPU-B200", "10.0"),
    ],
)
def test_every_gpu_type_of_the_platform_has_its_capability_and_the_assumed_driver(name: str, capability: str) -> None:
    gpu = gpu_of(parse_machine_types(name))
    assert gpu.capabilities == {Capability.parse(capability)}
    assert [machine for machine, _ in gpu.machines] == [name]
    assert (str(gpu.driver), gpu.driver_source) == ("570.133.20", "assumption")


@pytest.mark.parametrize("name", ["XS", "S", "M", "L", "XL", "xl", "S,M"])
def test_the_types_without_a_gpu_are_cpu_targets(name: str) -> None:
    assert parse_machine_types(name).accelerator == Cpu()


@pytest.mark.parametrize(
    "name", ["GPU-RTX4090", "gpu-rtx4090", "rtx4090", "RTX-4090", "RTX 4090", "Gpu_Rtx_4090", " rtx4090 "]
)
def test_case_prefix_and_separators_of_a_name_do_not_matter(name: str) -> None:
    choice = parse_machine_types(name)
    assert [machine.name for machine in choice.machines] == ["GPU-RTX4090"]
    assert choice.unknown == ()


@pytest.mark.parametrize(
    ("name", "machine"),
    [
        ("V100", "GPU-V100"),
        ("l40s", "GPU-L40S"),
        ("rtx pro 6000", "GPU-RTX-PRO-6000-Blackwell-Server-Edition"),
        ("gh200", "GPU-GH200"),
    ],
)
def test_every_gpu_of_the_data_is_a_machine_type(name: str, machine: str) -> None:
    assert [one.name for one in parse_machine_types(name).machines] == [machine]


@pytest.mark.parametrize(
    "names", ["GPU-RTX5090,GPU-A6000,GPU-A100", ["GPU-RTX5090", "A6000", "a100"], ["rtx5090, a6000", "a100", "A100"]]
)
def test_a_fallback_list_is_one_accelerator_that_all_its_machines_are(names: str | list[str]) -> None:
    gpu = gpu_of(parse_machine_types(names))
    assert [name for name, _ in gpu.machines] == ["GPU-RTX5090", "GPU-A6000", "GPU-A100"]
    assert gpu.capabilities == {Capability(8, 0), Capability(8, 6), Capability(12, 0)}


def test_a_mix_of_cpu_and_gpu_types_is_a_gpu_target_with_a_warning() -> None:
    choice = parse_machine_types("GPU-A100,XL,M")
    assert gpu_of(choice).capabilities == {Capability(8, 0)}
    assert choice.is_mixed
    assert list(choice.iter_warnings()) == [
        "the lock is for the GPU types of the list; on `XL`, `M` its CUDA builds run without a GPU"
    ]


def test_the_bare_gpu_type_names_no_gpu_and_gives_a_warning() -> None:
    choice = parse_machine_types("GPU")
    assert choice.accelerator == UNSPECIFIED
    assert list(choice.iter_warnings()) == ["machine type `GPU` is ignored: it names no GPU\n  try: `GPU-A100`"]


def test_beside_a_known_gpu_the_bare_type_changes_nothing() -> None:
    choice = parse_machine_types("GPU,GPU-H100")
    assert choice.accelerator == parse_machine_types("H100").accelerator
    assert not choice.is_mixed
    assert len(list(choice.iter_warnings())) == 1


@pytest.mark.parametrize("names", ["GPU,XL", "GPU-H700,XL"])
def test_a_name_that_may_be_a_gpu_beside_cpu_types_is_no_cpu_target(names: str) -> None:
    assert parse_machine_types(names).accelerator == UNSPECIFIED


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("GPU-A10O", "GPU-A100"),
        ("H10", "GPU-H100"),
        ("rtx5900", "GPU-RTX5090"),
        ("XXL", "XL"),
        ("CPU", "XS"),
        ("RTX PRO 6000 Blackwel", "GPU-RTX-PRO-6000-Blackwell-Max-Q"),
        ("quantum", None),
    ],
)
def test_an_unknown_machine_type_is_data_with_the_nearest_known_ones(name: str, nearest: str | None) -> None:
    choice = parse_machine_types(name)
    assert choice.accelerator == UNSPECIFIED
    assert [one.name for one in choice.unknown] == [name]
    assert next(iter(choice.unknown[0].suggestions), None) == nearest
    assert len(choice.unknown[0].suggestions) <= 3


def test_the_error_for_unknown_machine_types_has_the_nearest_names() -> None:
    with pytest.raises(TargetError) as caught:
        parse_machine_types("H10,quantum,H100").refuse_unknown("`-m`")
    assert [str(fault) for fault in caught.value.faults] == [
        "`-m`: unknown machine type `H10`\n"
        "  try: `GPU-H100`, `GPU-H200`, `GPU-A100` or a row in `[[tool.pinfold.machines]]`",
        "`-m`: unknown machine type `quantum`\n  try: a row in `[[tool.pinfold.machines]]`",
    ]


def test_known_machine_types_are_not_refused() -> None:
    parse_machine_types("H100,XL,GPU").refuse_unknown("`-m`")


def test_known_machines_count_beside_unknown_ones() -> None:
    choice = parse_machine_types("quantum,H100")
    assert choice.accelerator == parse_machine_types("H100").accelerator
    assert [one.name for one in choice.unknown] == ["quantum"]


@pytest.mark.parametrize("names", ["", " , ", []])
def test_no_name_at_all_is_no_machine(names: str | list[str]) -> None:
    assert parse_machine_types(names) == MachineChoice(accelerator=UNSPECIFIED)


def test_the_flag_beats_the_configuration_and_that_the_assumption() -> None:
    flag = gpu_of(parse_machine_types("A100", driver="535", configured_driver="550"))
    configured = gpu_of(parse_machine_types("A100", configured_driver="550"))
    assert (str(flag.driver), flag.driver_source) == ("535", "flag")
    assert (str(configured.driver), configured.driver_source) == ("550", "configuration")
    assert str(default_driver()) == "570.133.20"


@pytest.mark.parametrize("driver", ["535", "570.124.06"])
def test_a_driver_that_does_not_know_the_gpu_makes_no_machine(driver: str) -> None:
    assert fault_of("A100,B200", driver=driver) == (
        f"machine type `GPU-B200` with driver {driver} does not exist: a driver knows B200 from 570.133.20 on"
        "\n  try: `--driver 570.133.20`"
    )


@pytest.mark.parametrize(
    ("name", "driver"), [("B200", "570"), ("B200", "570.133.20"), ("RTX5090", "570"), ("RTX5090", "570.86.10")]
)
def test_a_driver_that_supports_the_gpu_is_accepted(name: str, driver: str) -> None:
    assert str(gpu_of(parse_machine_types(name, driver=driver)).driver) == driver


def test_a_configured_driver_that_does_not_know_the_gpu_is_refused_too() -> None:
    assert fault_of("RTX5090", configured_driver="550.54.15") == (
        "machine type `GPU-RTX5090` with driver 550.54.15 does not exist: a driver knows RTX 5090 from 570 on"
        "\n  try: `--driver 570`"
    )


def test_a_driver_means_nothing_to_a_cpu_machine() -> None:
    assert parse_machine_types("XL", driver="535").accelerator == Cpu()


@pytest.mark.parametrize(("name", "gfx"), [("MI300X", "gfx942"), ("MI355X", "gfx950")])
def test_amd_is_refused_by_name(name: str, gfx: str) -> None:
    assert fault_of(name) == f"machine type `{name}`: AMD GPUs are not supported: {name} is {gfx}"


def test_a_machine_of_the_configuration_has_its_own_gpu_and_driver() -> None:
    machines = [MachineSetting(name="box", gpu="rtx 3090", driver="550.54.15"), MachineSetting(name="small")]
    gpu = gpu_of(parse_machine_types("Box", machines=machines, configured_driver="535"))
    assert gpu.capabilities == {Capability(8, 6)}
    assert (str(gpu.driver), gpu.driver_source) == ("550.54.15", "configuration")
    assert parse_machine_types("small", machines=machines).accelerator == Cpu()


def test_a_machine_of_the_configuration_overrides_one_of_the_data() -> None:
    machines = [MachineSetting(name="GPU-A100", gpu="H100")]
    assert gpu_of(parse_machine_types("a100", machines=machines)).capabilities == {Capability(9, 0)}
    assert [machine.name for machine in load_machines(machines)].count("GPU-A100") == 1


def test_a_fallback_list_has_the_oldest_of_its_machines_drivers() -> None:
    machines = [
        MachineSetting(name="old", gpu="A100", driver="535"),
        MachineSetting(name="new", gpu="H100", driver="580"),
    ]
    assert str(gpu_of(parse_machine_types("new,old", machines=machines)).driver) == "535"


def test_a_gpu_of_the_configuration_is_known_by_name_and_by_machine() -> None:
    gpus = [GpuSetting(name="RTX 9090", capability="13.0", driver="700", host="aarch64")]
    choice = parse_machine_types("rtx9090", gpus=gpus, driver="700.10")
    assert gpu_of(choice).capabilities == {Capability(13, 0)}
    assert choice.host == "aarch64"
    with pytest.raises(TargetError, match=r"a driver knows RTX 9090 from 700 on"):
        parse_machine_types("rtx9090", gpus=gpus)


def test_a_machine_with_an_unknown_gpu_is_refused() -> None:
    with pytest.raises(TargetError) as caught:
        parse_machine_types("box", machines=[MachineSetting(name="box", gpu="Q1")])
    assert str(caught.value) == (
        "machine `box` in the configuration: unknown GPU `Q1`\n  try: name it in `[[tool.pinfold.gpus]]`"
    )


def test_all_machine_types_of_the_data_can_be_listed() -> None:
    assert [machine.name for machine in load_machines()] == [
        "XS", "S", "M", "L", "XL", "GPU-T4", "GPU-A6000", "GPU-A100", "GPU-A100-40GB", "GPU-A100-80GB", "GPU-RTX4090",
        "GPU-L40", "GPU-H100", "GPU-H200", "GPU-B200", "GPU-RTX5090", "GPU",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "platform"),
    [("A100", str(DEFAULT_PLATFORM)), ("XL", str(DEFAULT_PLATFORM)), ("GH200", "manylinux_2_35_aarch64")],
)
def test_the_host_sets_the_platform(name: str, platform: str) -> None:
    assert str(choose_platform(parse_machine_types(name), None)) == platform


@pytest.mark.parametrize(
    ("name", "platform"), [("A100", "manylinux_2_28_x86_64"), ("XL", "win_amd64"), ("GB200", "manylinux_2_28_aarch64")]
)
def test_a_given_platform_that_fits_the_host_is_kept(name: str, platform: str) -> None:
    assert str(choose_platform(parse_machine_types(name), parse_platform(platform))) == platform


@pytest.mark.parametrize(
    ("name", "platform", "host"),
    [
        ("GH200", "manylinux_2_35_x86_64", "aarch64"),
        ("A100", "manylinux_2_35_aarch64", "x86_64"),
        ("A100", "win_amd64", "x86_64"),
    ],
)
def test_a_platform_that_is_not_the_hosts_is_refused(name: str, platform: str, host: str) -> None:
    with pytest.raises(TargetError) as caught:
        choose_platform(parse_machine_types(name), parse_platform(platform))
    assert str(caught.value) == (
        f"platform `{platform}` does not exist on `GPU-{name}`: its host is Linux on {host}"
        f"\n  try: `--platform manylinux_2_35_{host}`"
    )


def test_hosts_of_two_architectures_need_two_locks() -> None:
    assert fault_of("GH200,H100") == (
        "one lock cannot serve hosts of two architectures: H100 (x86_64) and GH200 (aarch64)\n  try: a lock for each"
    )


@pytest.mark.parametrize(
    ("name", "driver", "others"),
    [
        ("A100", None, ["535", "550", "580", "595", "620"]),
        ("B200", None, ["580", "595", "620"]),
        ("RTX5090,A100", None, ["580", "595", "620"]),
        ("A100", "580", ["535", "550", "570", "595", "620"]),
        ("A100", "610", ["535", "550", "570", "580", "595"]),
    ],
)
def test_other_drivers_are_those_that_know_the_gpus_and_run_other_builds(
    name: str, driver: str | None, others: list[str]
) -> None:
    gpu = gpu_of(parse_machine_types(name, driver=driver))
    assert [str(other.driver) for other in list_other_drivers(gpu)] == others


@pytest.mark.parametrize(
    ("driver", "expected"),
    [("535.104.05", True), ("550", True), ("570.133.20", True), ("580", False), ("595.71.05", False), ("700", False)],
)
def test_a_branch_at_its_end_is_known(driver: str, expected: bool) -> None:
    assert has_ended(parse_driver(driver)) is expected


def test_gpus_of_a_capability_are_those_of_the_data_in_its_order() -> None:
    assert list_gpus("7.5") == ("T4",)
    assert list_gpus("10.0") == ("B200", "GB200")
    assert list_gpus("1.0") == ()
