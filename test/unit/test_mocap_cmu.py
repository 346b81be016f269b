"""Real motion capture: the CMU clips play, and are the same as BVH."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.mocap.clip import load_clip
from hybrid_pose_ros.simulator.mocap.loop import looped
from hybrid_pose_ros.simulator.mocap.player import ClipPlayer
from hybrid_pose_ros.simulator.mocap.retarget import UP, make_track
from hybrid_pose_ros.simulator.mocap.skeleton import Clip
from hybrid_pose_ros.simulator.subjects import find_subject

CMU = Path(__file__).parents[2].parent / "shared/data/cmu_mocap_02"
pytestmark = pytest.mark.skipif(not CMU.exists(), reason=f"{CMU} is not there")

NAMES = {  # of the bones of the ASF file, as the usual conversion calls their joints
    "root": "Hips", "lowerback": "Spine", "thorax": "Chest", "lowerneck": "Neck", "head": "Head",
    **{
        f"{side[0].lower()}{bone}": f"{side}{joint}"
        for side in ("Left", "Right")
        for bone, joint in (
            ("femur", "UpLeg"), ("tibia", "Leg"), ("foot", "Foot"), ("toes", "ToeBase"),
            ("clavicle", "Shoulder"), ("humerus", "Arm"), ("radius", "ForeArm"),
            ("wrist", "Forearm2"), ("hand", "Hand"),
        )
    },
}  # fmt: skip


def as_bvh(clip: Clip, scale: float) -> str:
    """The same motion as BVH: joints at the beginnings of the bones, other units."""
    names, parents = clip.skeleton.names, clip.skeleton.parents
    columns = [scale * clip.points[:, 0]]
    text = ["HIERARCHY"]

    def joint(index: int, pad: str) -> None:
        parent = parents[index]
        name, frame = NAMES.get(names[index], names[index]), clip.frames[:, index]
        begin = clip.rest[parent] - clip.rest[parents[parent]] if parent > 0 else np.zeros(3)
        channels = "3" if index else "6 Xposition Yposition Zposition"
        text.extend(
            (
                f"{pad}{'JOINT' if index else 'ROOT'} {name}",
                f"{pad}{{",
                f"{pad} OFFSET {' '.join(map(str, scale * begin))}",
                f"{pad} CHANNELS {channels} Zrotation Yrotation Xrotation",
            )
        )
        local = frame if parent < 0 else clip.frames[:, parent].transpose(0, 2, 1) @ frame
        columns.append(Rotation.from_matrix(local).as_euler("ZYX", degrees=True))
        children = [j for j, p in enumerate(parents) if p == index]
        for child in children:
            joint(child, f"{pad} ")
        if not children:
            tip = " ".join(map(str, scale * clip.skeleton.tips[index]))
            text.extend((f"{pad} End Site", f"{pad} {{", f"{pad}  OFFSET {tip}", f"{pad} }}"))
        text.append(f"{pad}}}")

    joint(0, "")
    text += ["MOTION", f"Frames: {len(clip.points)}", f"Frame Time: {1 / clip.rate_hz}"]
    text += [" ".join(f"{value:.7f}" for value in row) for row in np.concatenate(columns, axis=1)]
    return "\n".join(text)


def test_the_same_motion_as_bvh_gives_the_same_body(tmp_path):
    clip = load_clip(CMU / "02_04.amc")
    path = tmp_path / "jump.bvh"
    path.write_text(as_bvh(clip, 39.37))
    other = load_clip(path)
    place = {name: i for i, name in enumerate(other.skeleton.names)}
    for bone, joint in (
        ("ltibia", "LeftFoot"),
        ("rhumerus", "RightForeArm"),
        ("lwrist", "LeftHand"),
    ):
        expected = clip.points[:, clip.skeleton.names.index(bone)]
        np.testing.assert_allclose(other.points[:, place[joint]] / 39.37, expected, atol=1e-5)
    first, second = make_track(clip), make_track(other)
    # The toes end elsewhere: the ASF file's at the tips, BVH's where they begin.
    keep = [k for k in range(first.ways.shape[1]) if k not in (9, 10)]
    np.testing.assert_allclose(second.ways[:, keep], first.ways[:, keep], atol=1e-4)
    np.testing.assert_allclose(second.place[:, :2], first.place[:, :2], atol=1e-4)
    np.testing.assert_allclose(second.place[:, 3], first.place[:, 3], atol=0.06)


@pytest.mark.parametrize("number", ["01", "02", "03", "04", "05", "09"])
def test_the_cmu_clips_play(number):
    who = find_subject(13)
    clip = load_clip(CMU / f"02_{number}.amc")
    assert 1.5 < np.ptp(clip.rest[:, 1]) < 1.7  # the skeleton of a man up to his crown, metres
    player = ClipPlayer(clip, who)
    t = np.arange(0.0, min(player.seconds, 6.0), 0.01)
    bones = player.bones(t)
    marks = markers_of(bones)
    assert np.isfinite(marks).all()
    # On the spot, upright, facing -y; feet on or above the floor.
    assert np.abs(marks[:, :, :2]).max() < 1.4
    assert np.abs(bones.hips[:, :2]).max() < 0.25
    assert np.median(bones.front[:, 1]) < -0.8
    sole = bones.ankle[..., 2].min(axis=1) - bones.lengths.ankle
    assert -0.04 < np.quantile(sole, 0.05) < 0.06
    assert np.median(bones.up[:, 2]) > 0.95


def test_a_walk_repeats_its_strides():
    track = make_track(load_clip(CMU / "02_01.amc"))
    loop = looped(track)
    first, period = (round(s * track.rate_hz) for s in (loop.start_s, loop.period_s))
    seam = loop.track.ways[first + period] - track.ways[first]
    assert np.abs(seam).max() < 1e-9
    assert loop.period_s > 0.9  # a stride of walking takes about 1.1 s
    assert np.abs(np.degrees(np.arcsin(np.median(track.ways[:, UP, 1])))) < 8.0
