import subprocess
import sys
from typing import get_args

import pytest

from resolver.targets.data_files import DataFile, read_data

UNSPECIFIED = """
import sys
from resolver.plan import plan_lock
from resolver.targets.data_files import read_data
from resolver.targets.families import load_families
from resolver.targets.python_version import parse_python_version
from resolver.targets.target import Target

target = Target(python=parse_python_version("3.11"))
target.key, target.tag_ranks, target.environment, load_families()
assert "resolver.targets.cuda" not in sys.modules
misses = read_data.cache_info().misses
read_data("families")
print(misses, read_data.cache_info().misses)
"""


def test_a_target_without_a_machine_reads_the_families_alone_and_no_rules_of_cuda() -> None:
    done = subprocess.run([sys.executable, "-c", UNSPECIFIED], capture_output=True, text=True, check=True)
    assert done.stdout == "1 1\n"


@pytest.mark.parametrize("name", get_args(DataFile))
def test_a_file_is_read_once(name: DataFile) -> None:
    assert read_data(name) is read_data(name)
