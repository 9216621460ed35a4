"""Hypothesis strategies: any supported Python, platform and target."""

from hypothesis import strategies as st

from resolver.targets.platforms import Glibc, Linux, MacOS, Musl, Platform, Windows
from resolver.targets.target import PythonVersion, Target

PYTHONS = st.one_of(
    st.builds(PythonVersion, minor=st.integers(8, 15), patch=st.integers(0, 20)),
    st.builds(PythonVersion, minor=st.integers(13, 15), free_threaded=st.just(True)),
)
PLATFORMS: st.SearchStrategy[Platform] = st.one_of(
    st.builds(
        Linux, arch=st.sampled_from(("x86_64", "aarch64")), libc=st.builds(Glibc, st.just(2), st.integers(17, 45))
    ),
    st.builds(Linux, arch=st.sampled_from(("x86_64", "aarch64")), libc=st.builds(Musl, st.just(1), st.integers(0, 3))),
    st.builds(MacOS, version=st.tuples(st.integers(11, 30), st.just(0)), arch=st.sampled_from(("x86_64", "arm64"))),
    st.builds(MacOS, version=st.tuples(st.just(10), st.integers(6, 16)), arch=st.just("x86_64")),
    st.builds(Windows, arch=st.sampled_from(("amd64", "arm64", "x86"))),
)
TARGETS = st.builds(Target, python=PYTHONS, platform=PLATFORMS)
