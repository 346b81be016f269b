"""The manifests, the build file and the tree say the same things."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "hybrid_pose_ros"
COMPAT = ROOT / "compat"
CMAKE = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
# Interface packages without a rosdep key in Jazzy, imported only where they exist.
OPTIONAL = {"dvs_msgs", "event_array_msgs"}
ROS_PACKAGES = re.compile(r"rclpy|cv_bridge|launch|launch_ros|\w+_(msgs|interfaces)")


def manifest(path: Path) -> ElementTree.Element:
    return ElementTree.parse(path).getroot()


def imports(path: Path) -> set[str]:
    """Top-level names of all absolute imports in a file, also those inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.partition(".")[0])
            if node.module == "hybrid_pose_ros":
                found |= {f"hybrid_pose_ros.{alias.name}" for alias in node.names}
            elif node.module.startswith("hybrid_pose_ros."):
                found.add(".".join(node.module.split(".")[:2]))
    return found


def python_files(*folders: str) -> list[Path]:
    chosen = [MODULES / folder for folder in folders] if folders else [MODULES]
    return sorted(path for folder in chosen for path in folder.rglob("*.py"))


def core_files() -> list[Path]:
    return [path for path in python_files() if MODULES / "nodes" not in path.parents]


@pytest.mark.parametrize("path", [ROOT / "package.xml", *sorted(COMPAT.glob("*/package.xml"))])
def test_package_manifest(path: Path):
    package = manifest(path)
    assert package.get("format") == "3"
    assert package.findtext("license") == "Apache-2.0"
    assert package.findtext("export/build_type") == "ament_cmake"
    assert "rosidl_interface_packages" in [n.text for n in package.findall("member_of_group")]
    for maintainer in package.findall("maintainer"):
        assert re.fullmatch(r"[\w.-]+@[\w-]+(\.[\w-]+)+", maintainer.get("email", ""))


def test_one_version():
    version = manifest(ROOT / "package.xml").findtext("version")
    assert version
    assert f'version="{version}"' in (ROOT / "setup.py").read_text(encoding="utf-8")
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", [ROOT, *sorted(p.parent for p in COMPAT.glob("*/package.xml"))])
def test_every_message_is_generated(folder: Path):
    listed = set(re.findall(r"msg/\w+\.msg", (folder / "CMakeLists.txt").read_text("utf-8")))
    assert listed == {f"msg/{path.name}" for path in (folder / "msg").glob("*.msg")}
    assert listed


def test_only_nodes_know_ros():
    for path in core_files():
        known = {name for name in imports(path) if ROS_PACKAGES.fullmatch(name)}
        known |= imports(path) & {"hybrid_pose_ros.msg", "hybrid_pose_ros.nodes"}
        assert not known, f"{path.relative_to(ROOT)} imports {', '.join(sorted(known))}"


def test_every_ros_import_is_declared():
    package = manifest(ROOT / "package.xml")
    declared = {node.text for tag in ("depend", "exec_depend") for node in package.findall(tag)}
    files = [*python_files("nodes"), *sorted((ROOT / "launch").glob("*.py"))]
    used = {name for path in files for name in imports(path) if ROS_PACKAGES.fullmatch(name)}
    assert used - declared - OPTIONAL == set()


def test_node_files_can_be_installed_as_executables():
    assert "nodes/*_node.py" in CMAKE
    nodes = sorted((MODULES / "nodes").glob("*_node.py"))
    names = {path.stem for path in nodes}
    assert {"cnn_node", "snn_node", "fusion_node", "overlay_node", "replay_node"} <= names
    for path in nodes:
        text = path.read_text(encoding="utf-8")
        assert text.startswith("#!/usr/bin/env python3\n"), path.name
        assert re.search(r'^if __name__ == "__main__":\n +(sys\.exit\()?main\(', text, re.M), (
            path.name
        )


def test_every_test_folder_is_registered():
    registered = set(re.findall(r"pytest_test\(\w+ (test/\w+)", CMAKE))
    folders = {path.parent for path in (ROOT / "test").rglob("test_*.py")}
    for folder in folders:
        assert folder.relative_to(ROOT).as_posix() in registered
    assert not list((ROOT / "test").rglob("__init__.py"))


def test_package_init_is_empty_like_the_generated_one():
    assert (MODULES / "__init__.py").read_bytes() == b""


def requirements(name: str) -> list[str]:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_requirements_are_pinned_once():
    lines = [line for name in ("run", "ros", "build", "test") for line in requirements(name)]
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+", line)
    names = [line.partition("==")[0] for line in lines]
    assert len(names) == len(set(names))


def test_an_installed_ros_gets_the_same_versions_but_its_own_numpy():
    with_ros = requirements("with_ros")
    assert [line for line in with_ros if line not in requirements("run")] == ["numpy<2"]


def test_stand_ins_are_needed_only_where_the_real_ones_are_not(tmp_path: Path):
    sys.path.insert(0, str(COMPAT))
    try:
        from missing import missing
    finally:
        sys.path.pop(0)
    every = sorted(path.parent for path in COMPAT.glob("*/package.xml"))
    assert missing(COMPAT, [tmp_path]) == every

    share = tmp_path / "share" / "tf2_msgs"
    share.mkdir(parents=True)
    ours = (COMPAT / "tf2_msgs" / "package.xml").read_text(encoding="utf-8")
    (share / "package.xml").write_text(ours, encoding="utf-8")
    assert missing(COMPAT, [tmp_path]) == every
    (share / "package.xml").write_text(
        ours.replace("hybrid_pose_ros maintainers", "Somebody Else"), encoding="utf-8"
    )
    assert missing(COMPAT, [tmp_path]) == [p for p in every if p.name != "tf2_msgs"]


PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
# Links, and files that are named without one; parts of names (`train_lite*`) are not files.
LINK = re.compile(r"\]\(([^)#]+)")
NAMED = re.compile(r"\b(?:benchmarks|config|docs|hybrid_pose_ros|test)/[\w/.-]+\.(?:py|yaml|md)\b")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_only_files_that_exist(page):
    text = page.read_text(encoding="utf-8")
    links = {target for target in LINK.findall(text) if "://" not in target}
    missing = {link for link in links if not (page.parent / link).exists()}
    missing |= {name for name in NAMED.findall(text) if not (ROOT / name).exists()}
    assert not missing
