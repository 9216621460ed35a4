import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.targets.accelerators import (
    UNSPECIFIED,
    Accelerator,
    Capability,
    Cpu,
    CudaVersion,
    Gpu,
    GpuModel,
    build_gpu,
    parse_cuda,
    parse_driver,
)
from resolver.targets.kernels import (
    Architecture,
    CudaBuild,
    NoKernels,
    Runs,
    UnknownKernels,
    Verdict,
    parse_architectures,
    runs,
)
from resolver.targets.machine_types import parse_machine_types

CUDA_12_8 = CudaVersion(12, 8)


def gpu_of(capability: Capability) -> Gpu:
    driver = parse_driver("580.65.06")
    model = GpuModel(name="GPU", capability=capability, architecture="", host="x86_64", driver=driver)
    return build_gpu([("GPU", model)], driver=driver, source="flag")


def runs_on(code: str, capability: str, cuda: CudaVersion = CUDA_12_8) -> bool:
    """Whether the code is machine code for the capability, whatever driver it needs."""
    verdict = runs(CudaBuild(cuda=cuda, architectures=parse_architectures(code)), gpu_of(Capability.parse(capability)))
    return not isinstance(verdict, NoKernels) and verdict != Runs(ptx=True)


def machine(names: str, driver: str | None = None) -> Accelerator:
    return parse_machine_types(names, driver=driver).accelerator


def build(code: str | None, cuda: tuple[int, int] = (12, 8)) -> CudaBuild:
    return CudaBuild(cuda=CudaVersion(*cuda), architectures=None if code is None else parse_architectures(code))


@pytest.mark.parametrize(
    ("code", "capability", "expected"),
    [
        ("80", "8.0", True),
        ("86", "8.9", True),
        ("80", "8.9", True),
        ("86", "8.0", False),
        ("90", "10.0", False),
        ("100", "10.0", True),
        ("100", "10.3", True),
        ("103", "10.0", False),
        ("100", "12.0", False),
        ("120", "12.0", True),
        ("120", "12.1", True),
        ("120", "10.0", False),
        ("90", "9.0", True),
        ("70", "7.5", True),
        ("75", "7.0", False),
        ("ptx80", "8.0", False),
    ],
)
def test_machine_code_runs_within_its_major_from_its_minor_on(code: str, capability: str, expected: bool) -> None:
    assert runs_on(code, capability) is expected


@pytest.mark.parametrize(
    ("code", "capability", "expected"),
    [
        ("90a", "9.0", True),
        ("100a", "10.3", False),
        ("100f", "10.3", True),
        ("103f", "10.0", False),
        ("100f", "12.0", False),
        ("120f", "12.1", True),
        ("100f", "10.7", False),
    ],
)
def test_a_suffix_binds_code_to_its_capability_or_family(code: str, capability: str, expected: bool) -> None:
    assert runs_on(code, capability) is expected


@pytest.mark.parametrize(
    ("code", "capability"), [("50", "5.3"), ("52", "5.3"), ("60", "6.2"), ("70", "7.2"), ("80", "8.7"), ("86", "8.7")]
)
def test_jetson_systems_are_excluded_from_code_for_their_neighbours(code: str, capability: str) -> None:
    assert not runs_on(code, capability)
    assert runs_on(str(Capability.parse(capability).number), capability)


def test_code_for_a_jetson_system_runs_on_that_alone() -> None:
    assert not runs_on("87", "8.9")
    assert not runs_on("72", "7.5")


def test_jetson_orin_runs_its_neighbours_code_from_cuda_13_2_on() -> None:
    assert not runs_on("80", "8.7", CudaVersion(13, 0))
    assert runs_on("80", "8.7", CudaVersion(13, 2))
    assert runs_on("80", "8.7", CudaVersion(14, 0))
    assert not runs_on("70", "7.2", CudaVersion(13, 2))


def test_10_1_and_11_0_are_one_chip() -> None:
    assert runs_on("101", "11.0")
    assert runs_on("110", "10.1")
    assert not runs_on("101", "10.3")
    assert not runs_on("100", "10.1")


@given(st.integers(50, 130), st.integers(50, 130))
def test_machine_code_without_suffix_never_crosses_a_major_but_on_one_chip(code: int, device: int) -> None:
    capability = Capability(*divmod(device, 10))
    code_for_one = CudaBuild(cuda=CudaVersion(12, 8), architectures=(Architecture(code),))
    verdict = runs(code_for_one, gpu_of(capability))
    if isinstance(verdict, Runs):
        assert divmod(code, 10)[0] == capability.major or {code, device} == {101, 110}
        assert code <= device or {code, device} == {101, 110}
    else:
        assert verdict == NoKernels(capability=capability, machine="GPU")


def test_an_architecture_is_named_as_compilers_name_it() -> None:
    assert [str(one) for one in parse_architectures("75 90a 100f ptx120")] == [
        "sm_75",
        "sm_90a",
        "sm_100f",
        "compute_120",
    ]


@pytest.mark.parametrize("text", ["9", "sm_90", "90b", "8.0", "1000"])
def test_what_is_no_architecture_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^`{text}` is no architecture$"):
        parse_architectures(text)


@pytest.mark.parametrize(
    ("machines", "driver", "code", "cuda", "text"),
    [
        ("A100", "570", "80 90", (12, 6), "runs"),
        ("B200", "570", "80 90", (12, 6), "has no kernels for sm_100 (GPU-B200)"),
        ("B200", "570", "100", (13, 0), "needs driver 580"),
        ("B200", "580", "100", (13, 0), "runs"),
        ("V100", "535", "75 80", (13, 0), "has no kernels for sm_70 (GPU-V100)"),
        ("A100", "450.80.02", "80", (12, 1), "needs driver 525.60.13"),
        ("A100", "535", "80", (12, 9), "runs"),
        ("A100", "520.61.05", "80", (11, 8), "runs"),
        ("A100", "580", "80", (14, 0), "needs a newer driver"),
        ("RTX5090,A6000,A100", "570", "80 86 90 120", (12, 8), "runs"),
        ("RTX5090,A6000,A100", "570", "80 86 90", (12, 8), "has no kernels for sm_120 (GPU-RTX5090)"),
        ("A100,RTX5090", "570", "86 120", (12, 8), "has no kernels for sm_80 (GPU-A100)"),
    ],
)
def test_a_verdict_renders_what_is_missing(
    machines: str, driver: str, code: str, cuda: tuple[int, int], text: str
) -> None:
    assert str(runs(build(code, cuda), machine(machines, driver))) == text


def test_ptx_counts_if_the_driver_is_that_of_its_toolkit_or_later() -> None:
    only_ptx = build("80 ptx90", (12, 8))
    assert str(runs(only_ptx, machine("B200", "570"))) == "runs, compiled from PTX at first use"
    assert str(runs(only_ptx, machine("H100", "550"))) == "needs driver 570.26 to compile its PTX"
    assert str(runs(only_ptx, machine("A100", "550"))) == "runs"
    assert str(runs(build("ptx90a", (12, 8)), machine("B200", "570"))) == "has no kernels for sm_100 (GPU-B200)"


def test_a_fallback_list_needs_ptx_if_one_of_its_machines_does() -> None:
    assert runs(build("80 90 ptx90"), machine("A100,B200", "570")) == Runs(ptx=True)


def test_a_build_with_unknown_architectures_has_a_verdict_only_if_the_driver_is_too_old() -> None:
    assert runs(build(None), machine("A100", "570")) == UnknownKernels()
    assert str(UnknownKernels()) == "is compiled for architectures that are not known"
    assert str(runs(build(None, (13, 0)), machine("A100", "570"))) == "needs driver 580"


@pytest.mark.parametrize("accelerator", [UNSPECIFIED, Cpu()])
def test_without_a_gpu_every_build_runs(accelerator: Accelerator) -> None:
    assert runs(build("90", (99, 0)), accelerator) == Runs()


@pytest.mark.parametrize(
    ("capability", "cuda", "expected"),
    [
        ("7.0", "12.9", UnknownKernels()),
        ("7.0", "13.0", NoKernels(capability=Capability(7, 0), machine="GPU")),
        ("7.2", "13.0", NoKernels(capability=Capability(7, 2), machine="GPU")),
        ("6.1", "13.2", NoKernels(capability=Capability(6, 1), machine="GPU")),
        ("3.7", "12.0", NoKernels(capability=Capability(3, 7), machine="GPU")),
        ("7.5", "13.2", UnknownKernels()),
        ("8.0", "13.4", UnknownKernels()),
    ],
)
def test_unknown_architectures_end_where_cuda_no_longer_compiles_for_the_gpu(
    capability: str, cuda: str, expected: Verdict
) -> None:
    version = parse_cuda(cuda)
    assert isinstance(version, CudaVersion)
    assert runs(CudaBuild(cuda=version), gpu_of(Capability.parse(capability))) == expected
