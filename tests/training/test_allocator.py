import platform
import subprocess
import sys

import pytest

MEASURE = """
import resource
import torch
from genre.training.allocator import keep_freed_memory
if {keep}:
    keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(12):
    torch.ones(16 << 20)
before = faults()
for _ in range(5):
    torch.ones(16 << 20)
print(faults() - before)
"""


def page_faults(keep: bool) -> int:
    """Page faults of five tensors of 64 MiB after some first ones."""
    code = MEASURE.format(keep=keep)
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_freed_memory_is_used_again() -> None:
    assert page_faults(keep=True) < 100 < page_faults(keep=False)
