"""Freed memory is there again without the kernel."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource
import numpy as np
from hybrid_pose_ros.train.memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(64 << 20, np.uint8)  # freed at once
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

usual = [faults() for _ in range(3)]
assert keep_freed_memory()
kept = [faults() for _ in range(3)]
print(usual[-1], kept[-1])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_a_block_that_is_asked_for_again_costs_no_page_faults():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    usual, kept = map(int, done.stdout.split())
    assert usual > 10 * max(kept, 3), "huge pages: 32 faults of 2 MB, otherwise 16384 of 4 kB"
