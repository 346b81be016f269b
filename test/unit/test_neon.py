"""The kernels on another processor: built for 64-bit ARM, run in an emulator, and compared.

Needs a cross compiler and QEMU (Debian: g++-aarch64-linux-gnu, qemu-user).
"""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"
# As in CMakeLists.txt, but for the time that the compiler takes.
OPTIONS = ["-std=gnu++17", "-O1", "-fno-trapping-math", "-pthread"]


def build(compiler, program, *options):
    sources = [ROOT / "test/native/kernels_check.cpp", *sorted((ROOT / "src").glob("*.cpp"))]
    subprocess.run([compiler, *OPTIONS, *options, "-o", program, *sources], check=True)
    return str(program)


def answers(*command):
    """(name, numbers) of each line."""
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = [line.split() for line in run.stdout.splitlines()]
    return [(name, np.array(numbers, float)) for name, *numbers in lines]


@pytest.mark.skipif(
    not all(shutil.which(tool) for tool in ("g++", COMPILER, EMULATOR)),
    reason=f"needs g++, {COMPILER} and {EMULATOR}",
)
def test_neon_gives_what_this_processor_gives(tmp_path):
    here = build("g++", tmp_path / "here")
    there = build(COMPILER, tmp_path / "there", "-static")
    widest, arm = answers(here, "2"), answers(EMULATOR, there, "2")
    for other in (arm, answers(here, "0")):
        assert [name for name, _ in other] == [name for name, _ in widest]
        for (name, expected), (_, got) in zip(widest, other, strict=True):
            assert np.abs(expected).max() > 0 or name == "velocity"
            if name in ("spikes", "peaks"):
                assert np.array_equal(got, expected)
            else:
                assert np.abs(got - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())
