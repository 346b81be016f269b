"""Everything outside nodes/ imports where there is no ROS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import hybrid_pose_ros.errors

PACKAGE = Path(hybrid_pose_ros.errors.__file__).parent
GENERATED = {"msg", "nodes"}

# Runs in a new interpreter: a finder that refuses every ROS package comes first.
PROBE = """
import importlib, json, sys, traceback

class NoRos:
    names = {"rclpy", "rcl_interfaces", "builtin_interfaces", "cv_bridge", "launch", "launch_ros"}

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in self.names or top.endswith("_msgs") or name == "hybrid_pose_ros.msg":
            raise ModuleNotFoundError(f"No module named {name!r} (refused by this test)", name=name)

sys.meta_path.insert(0, NoRos())
failures = {}
for name in json.loads(sys.argv[1]):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != "triton":  # its kernels are imported where there is a GPU
            failures[name] = traceback.format_exc()
    except BaseException:
        failures[name] = traceback.format_exc()
print(json.dumps(failures))
"""


def core_modules() -> list[str]:
    """Dotted names of all modules of the package, without nodes/ and generated ones."""
    names = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if parts[1] in GENERATED or parts[-1] == "__main__":
            continue
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def test_core_imports_without_ros():
    modules = core_modules()
    assert "hybrid_pose_ros.skeleton" in modules
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(modules)],
        capture_output=True, text=True, env=environment, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    failures = json.loads(done.stdout.splitlines()[-1])
    assert not failures, "\n".join(failures.values())


def test_the_probe_refuses_ros():
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(["rclpy", "std_msgs.msg", "json"])],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert set(json.loads(done.stdout)) == {"rclpy", "std_msgs.msg"}
