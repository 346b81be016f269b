"""Motion capture: BVH files, and what any file does to a body; test_mocap_acclaim has ASF/AMC."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hybrid_pose_ros.errors import MotionError
from hybrid_pose_ros.simulator.lengths import Lengths
from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.mocap.bvh import read_bvh
from hybrid_pose_ros.simulator.mocap.clip import load_clip
from hybrid_pose_ros.simulator.mocap.player import ClipPlayer
from hybrid_pose_ros.simulator.mocap.retarget import THIGH, make_track
from hybrid_pose_ros.simulator.mocap.skeleton import turn
from hybrid_pose_ros.simulator.subjects import find_subject
from hybrid_pose_ros.skeleton import INDEX

BONES = (  # name, parent, offset: a T-pose that faces +z with y up, in centimetres
    ("Hips", None, (0, 95, 0)),
    ("Spine", "Hips", (0, 30, 0)),
    ("Neck", "Spine", (0, 22, 0)),
    ("Head", "Neck", (0, 10, 0)),
    *[
        (f"{side}{name}", parent if parent in ("Hips", "Spine") else f"{side}{parent}", offset)
        for side, sign in (("Left", 1), ("Right", -1))
        for name, parent, offset in (
            ("UpLeg", "Hips", (9 * sign, 0, 0)),
            ("Leg", "UpLeg", (0, -43, 0)),
            ("Foot", "Leg", (0, -41, 0)),
            ("ToeBase", "Foot", (0, -6, 15)),
            ("Shoulder", "Spine", (5 * sign, 18, 0)),
            ("Arm", "Shoulder", (13 * sign, 0, 0)),
            ("ForeArm", "Arm", (29 * sign, 0, 0)),
            ("Hand", "ForeArm", (25 * sign, 0, 0)),
        )
    ],
)
ORDER = "Zrotation Xrotation Yrotation"


def bvh_text(
    angles: dict[str, np.ndarray], count: int, root: np.ndarray, skip: str = "", order: str = ORDER
) -> str:
    """A BVH file; `angles` (n, 3) in degrees in the order of the channels, by joint."""
    names: list[str] = []

    def joint(name: str, depth: int) -> list[str]:
        pad, parent = "  " * depth, next(b for b in BONES if b[0] == name)
        names.append(name)
        channels = f"3 {order}" if depth else f"6 Xposition Yposition Zposition {order}"
        lines = [f"{pad}{'JOINT' if depth else 'ROOT'} mixamorig:{name}", f"{pad}{{"]
        lines += [f"{pad}  OFFSET {' '.join(map(str, parent[2]))}", f"{pad}  CHANNELS {channels}"]
        children = [b[0] for b in BONES if b[1] == name and b[0] != skip]
        for child in children:
            lines += joint(child, depth + 1)
        if not children:
            lines += [f"{pad}  End Site", f"{pad}  {{", f"{pad}    OFFSET 0 0 3", f"{pad}  }}"]
        return [*lines, f"{pad}}}"]

    text = ["HIERARCHY", *joint("Hips", 0), "MOTION", f"Frames: {count}", "Frame Time: 0.01"]
    zeros = np.zeros((count, 3))
    columns = [root, *[angles.get(name, zeros) for name in names]]
    table = np.concatenate(columns, axis=1)
    text += [" ".join(f"{value:.6f}" for value in row) for row in table]
    return "\n".join(text) + "\n"


def standing(count: int = 60) -> np.ndarray:
    return np.tile([0.0, 95.0, 0.0], (count, 1))


def swinging(count: int = 60) -> dict[str, np.ndarray]:
    """Legs swing about x (forward is negative), the left arm hangs down."""
    wave = 30.0 * np.sin(np.linspace(0, 4 * np.pi, count))
    still = np.zeros(count)
    return {
        "LeftUpLeg": np.column_stack([still, -wave, still]),
        "RightUpLeg": np.column_stack([still, wave, still]),
        "LeftArm": np.tile([-90.0, 0, 0], (count, 1)),
    }


@pytest.mark.parametrize("order", [ORDER, "Xrotation Yrotation Zrotation"])
def test_bvh_rotations_turn_in_the_order_of_the_channels(tmp_path, order):
    angles = np.array([[10.0, 20.0, 30.0]])
    path = tmp_path / "a.bvh"
    path.write_text(bvh_text({"LeftUpLeg": angles}, 1, standing(1), order=order))
    clip = read_bvh(path)
    assert clip.rate_hz == pytest.approx(100.0)
    names = "".join(word[0] for word in order.split())  # capital letters: about turned axes
    turned = Rotation.from_euler(names, angles[0], degrees=True).as_matrix()
    index = clip.skeleton.names.index("mixamorig:LeftLeg")
    expected = np.array([9.0, 95.0, 0.0]) + turned @ [0, -43, 0]
    np.testing.assert_allclose(clip.points[0, index], expected, atol=1e-6)


def test_a_bvh_person_faces_minus_y_with_the_subjects_lengths(tmp_path):
    path = tmp_path / "walk.bvh"
    path.write_text(bvh_text(swinging(), 60, standing()))
    who = find_subject(5)
    player = ClipPlayer(load_clip(path), who)
    assert player.seconds == pytest.approx(0.59)
    bones = player.bones(np.linspace(0.0, 0.5, 26))
    size = Lengths.of(who)
    np.testing.assert_allclose(np.linalg.norm(bones.knee - bones.hip, axis=-1), size.thigh)
    np.testing.assert_allclose(np.linalg.norm(bones.hand - bones.elbow, axis=-1), size.forearm)
    np.testing.assert_allclose(bones.front, np.tile([0.0, -1.0, 0.0], (26, 1)), atol=1e-6)
    np.testing.assert_allclose(bones.up, np.tile([0.0, 0.0, 1.0], (26, 1)), atol=1e-6)
    np.testing.assert_allclose(bones.head_front, np.tile([0.0, -1.0, 0.0], (26, 1)), atol=1e-6)
    left = bones.elbow[:, 1] - bones.shoulder[:, 1]
    np.testing.assert_allclose(left / size.upper_arm, np.tile([0, 0, -1.0], (26, 1)), atol=1e-6)
    # At the quarter of the first swing the left knee is in front, the right one behind.
    knee = bones.knee[6] - bones.hip[6]
    assert knee[1, 1] < -0.1 < 0.1 < knee[0, 1]
    marks = markers_of(bones)
    assert np.isfinite(marks).all()
    feet = marks[:, [INDEX["foot_right"], INDEX["foot_left"]], 2].min(axis=1)
    assert np.all((feet > 0.0) & (feet < 0.17))  # one foot is always near the floor


@pytest.mark.parametrize("heading", [0.0, 90.0, 200.0])
def test_heading_travel_and_the_vertical_axis_of_the_file_do_not_matter(tmp_path, heading):
    plain, other = tmp_path / "a.bvh", tmp_path / "b.bvh"
    plain.write_text(bvh_text(swinging(), 60, standing()))
    turned = np.tile([0.0, 0.0, heading], (60, 1))
    way = np.outer(
        np.arange(60) * 2.0, [np.sin(np.radians(heading)), 0, np.cos(np.radians(heading))]
    )
    other.write_text(bvh_text({**swinging(), "Hips": turned}, 60, standing() + way))
    first, second = (make_track(load_clip(path)) for path in (plain, other))
    np.testing.assert_allclose(second.ways, first.ways, atol=1e-5)
    np.testing.assert_allclose(second.place, first.place, atol=0.01)


def test_files_with_z_upwards_stand_as_well(tmp_path):
    path = tmp_path / "a.bvh"
    upright = np.tile([0.0, 90.0, 0.0], (60, 1))  # about x: y becomes z
    path.write_text(bvh_text({**swinging(), "Hips": upright}, 60, np.tile([0, 0, 95.0], (60, 1))))
    plain = tmp_path / "b.bvh"
    plain.write_text(bvh_text(swinging(), 60, standing()))
    np.testing.assert_allclose(
        make_track(load_clip(path)).ways[:, THIGH],
        make_track(load_clip(plain)).ways[:, THIGH],
        atol=1e-5,
    )


def test_a_jump_leaves_the_floor_by_the_height_of_the_file(tmp_path):
    count = 120
    root = standing(count)
    rise = np.clip(np.sin(np.linspace(0, 2 * np.pi, count)), 0, None) ** 2 * 30.0
    root[:, 1] += rise
    path = tmp_path / "jump.bvh"
    path.write_text(bvh_text({}, count, root))
    who = find_subject(5)
    bones = ClipPlayer(load_clip(path), who).bones(np.arange(count) * 0.01)
    size = Lengths.of(who)
    height = bones.ankle[..., 2].min(axis=1) - size.ankle
    scale = (size.thigh + size.shank) / 84.0  # metres of the file's centimetre
    np.testing.assert_allclose(height, rise * scale, atol=0.012)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("Frames: 60", "Frames: 61"), "61 frames are announced but 60"),
        (lambda text: text.rsplit(" ", 3)[0] + "\n", r"line \d+: frame 60 needs \d+ numbers"),
        (lambda text: text.replace("0.000000", "zero", 1), "frame 1 is not made of numbers"),
        (lambda text: text.replace("Frame Time: 0.01", "Frame Time: 0"), "frame time must be in"),
        (lambda text: text.replace("CHANNELS 3", "CHANNELS 4", 1), "number of channels"),
        (lambda text: text.replace("Zrotation", "Wrotation", 1), "unknown channel Wrotation"),
        (lambda text: text.split("MOTION")[0], "there is no MOTION"),
        (lambda text: "WALK" + text, "line 1: a BVH file begins with HIERARCHY"),
        (lambda text: text.replace("}\nMOTION", "MOTION"), "joint mixamorig:Hips is not closed"),
        (lambda text: text.replace("Head", "Hat"), None),
    ],
)
def test_a_broken_bvh_is_named_with_its_line(tmp_path, change, message):
    path = tmp_path / "a.bvh"
    path.write_text(change(bvh_text(swinging(), 60, standing())))
    if message is None:  # "Neck" will do for the head
        ClipPlayer(load_clip(path), find_subject(1))
        return
    with pytest.raises(MotionError, match=message):
        load_clip(path)


def test_a_missing_joint_is_named(tmp_path):
    path = tmp_path / "a.bvh"
    path.write_text(bvh_text({}, 60, standing(), skip="LeftForeArm"))
    with pytest.raises(MotionError, match=r"has no left elbow: .*left or l forearm or"):
        make_track(load_clip(path))
    with pytest.raises(MotionError, match=r"neither an \.amc nor a \.bvh"):
        load_clip(tmp_path / "a.fbx")
    with pytest.raises(MotionError, match="cannot read the motion file"):
        load_clip(tmp_path / "no.bvh")
    (tmp_path / "b.bvh").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(MotionError, match="not a text file"):
        load_clip(tmp_path / "b.bvh")


def test_a_loop_has_no_seam(tmp_path):
    path = tmp_path / "walk.bvh"
    path.write_text(bvh_text(swinging(), 60, standing()))
    player = ClipPlayer(load_clip(path), find_subject(2), 5.0)
    t = np.arange(0.0, 5.0, 0.005)
    knee = player.bones(t).knee
    step = np.linalg.norm(np.diff(knee, axis=0), axis=-1)
    inside = step[: int(0.3 / 0.005)]
    assert step.max() < 1.3 * inside.max()
    assert np.ptp(knee[-200:, 0, 1]) > 0.5 * np.ptp(knee[:118, 0, 1])  # it goes on


def test_turns_are_right_handed():
    angles = np.array([0.3, -1.2])
    for axis in "xyz":
        expected = Rotation.from_euler(axis, angles[:, None]).as_matrix()
        np.testing.assert_allclose(turn(axis, angles), expected, atol=1e-12)
