"""Acclaim motion capture files: parsing, forward kinematics, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hybrid_pose_ros.errors import MotionError
from hybrid_pose_ros.simulator.mocap.amc import find_skeleton, read_amc
from hybrid_pose_ros.simulator.mocap.asf import read_asf

ASF = """# two bones
:version 1.10
:units
  mass 1.0
  length 0.5
  angle {unit}
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
  begin
    id 1
    name upper
    direction 0 -1 0
    length 2
    axis {axis} XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
    id 2
    name lower
    direction 0 -2 0
    length 1
    axis 0 0 0 XYZ
    dof rx
    limits (0 170)
  end
:hierarchy
  begin
    root upper
    upper lower
  end
"""
AMC = """:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 0 0 0
upper 90 0 0
lower 0
2
root 1 2 3 0 90 0
upper 0 0 0
lower 90
"""


def write_asf(folder: Path, amc: str = AMC, unit: str = "deg", axis: str = "0 0 0") -> Path:
    (folder / "a.asf").write_text(ASF.format(unit=unit, axis=axis))
    (folder / "a.amc").write_text(amc)
    return folder / "a.amc"


def test_asf_lengths_directions_and_rotations(tmp_path):
    clip = read_amc(write_asf(tmp_path))
    inch = 0.0254 / 0.5  # metres of one unit
    assert clip.skeleton.names == ("root", "upper", "lower")
    assert clip.rate_hz == 120.0
    expected = [[1, 2, 3], [1, 2, 3 - 2], [1, 2, 3 - 3]]  # -y turned by +90 deg about x is -z
    np.testing.assert_allclose(clip.points[0], np.array(expected) * inch, atol=1e-12)
    # The knee bends by 90 deg (-y becomes -z), then the root turns everything: -z becomes -x.
    expected = [[1, 2, 3], [1, 0, 3], [1 - 1, 0, 3]]
    np.testing.assert_allclose(clip.points[1], np.array(expected) * inch, atol=1e-12)
    np.testing.assert_allclose(clip.rest, np.array([[0, 0, 0], [0, -2, 0], [0, -3, 0]]) * inch)


def test_the_axis_of_a_bone_turns_what_its_degrees_of_freedom_mean(tmp_path):
    # With the bone's own axes turned by 90 deg about z, its x axis is the world's y axis.
    clip = read_amc(write_asf(tmp_path, axis="0 0 90"))
    inch = 0.0254 / 0.5
    np.testing.assert_allclose(clip.points[0, 1], np.array([1, 0, 3]) * inch, atol=1e-12)


def test_radians_of_the_motion_file_win(tmp_path):
    degrees = read_amc(write_asf(tmp_path)).points
    text = AMC.replace(":DEGREES", ":RADIANS").replace(" 90", f" {np.pi / 2}")
    np.testing.assert_allclose(read_amc(write_asf(tmp_path, text)).points, degrees, atol=1e-12)
    text = text.replace(":RADIANS\n", "")
    points = read_amc(write_asf(tmp_path, text, unit="rad")).points
    np.testing.assert_allclose(points, degrees, atol=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lower 0\n", "", "line 3: frame 1 lacks lower"),
        ("upper 90 0 0", "upper 90 0", "line 5: upper in frame 1 needs 3 numbers, got 2"),
        ("upper 90 0 0", "upper 90 x 0", "line 5: upper in frame 1 is not made of numbers"),
        ("upper 90 0 0", "upper 90 nan 0", "line 5: .* not finite"),
        ("lower 90\n", "lower 90\nlower 90\n", "line 11: bone lower comes twice in frame 2"),
        ("lower 90\n", "tail 90\n", "line 10: bone tail of frame 2 is not in the skeleton"),
        ("\n2\n", "\n7\n", "line 7: frame 7 follows frame 1"),
        ("lower 90\n", "", "line 7: frame 2 lacks lower"),
        ("1\nroot", "root", "line 3: 'root' before the first frame"),
    ],
)
def test_a_broken_motion_file_is_named_with_its_line(tmp_path, old, new, message):
    path = write_asf(tmp_path, AMC.replace(old, new, 1))
    with pytest.raises(MotionError, match=f"a.amc, {message}"):
        read_amc(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("direction 0 -1 0", "direction 0 -1", "line 16: direction of upper needs 3 numbers"),
        ("name lower", "name upper", "a second 'upper'"),
        ("    upper lower", "    upper shank", "line 36: bone shank of the hierarchy"),
        ("    upper lower\n", "", "bone lower has no place in :hierarchy"),
        ("dof rx\n", "dof tz\n", "degree of freedom tz of lower"),
        ("length 0.5", "length 0", "the unit of length must be positive"),
        ("axis XYZ", "axis XYY", "the order of axes must be like XYZ"),
    ],
)
def test_a_broken_skeleton_is_named_with_its_line(tmp_path, old, new, message):
    path = tmp_path / "b.asf"
    path.write_text(ASF.format(unit="deg", axis="0 0 0").replace(old, new, 1))
    with pytest.raises(MotionError, match=message):
        read_asf(path)


def test_the_skeleton_of_a_motion_is_found(tmp_path):
    path = write_asf(tmp_path)
    (tmp_path / "other.asf").write_text("")
    assert find_skeleton(path).name == "a.asf"
    assert find_skeleton(tmp_path / "other_07.amc").name == "other.asf"
    with pytest.raises(MotionError, match=r"found 2 \.asf files .*--skeleton"):
        find_skeleton(tmp_path / "new.amc")
