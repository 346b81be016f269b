r"""How well a camera that was turned is found again, from a network's poses of a person who moves.

    hybrid_pose simulate --subject 13 --movement 8,22,27,1,3,5,14,19,24,26,30,12 --seconds 60 \
        --cameras 0,1,2,3 --seed 5 --out out/minute
    hybrid_pose infer out/minute --cameras cam0,cam1,cam2,cam3 --out out/minute.npz
    python benchmarks/calibration_turns.py out/minute.npz

Each camera in turn is rotated by two degrees, then `hybrid_pose calibrate refine` is asked: with
all four cameras, and with two and the name of the one that was turned.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from hybrid_pose_ros.cli.main import main as hybrid_pose
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.extrinsics import angle_of_rotation, rotation_of_vector
from hybrid_pose_ros.pose.rig import Rig, load_rig, save_rig
from hybrid_pose_ros.resources import share_path

FOUR, TWO = ("cam0", "cam1", "cam2", "cam3"), ("cam2", "cam3")
AXIS = np.array([1.0, 1.0, 0.3]) / np.linalg.norm([1.0, 1.0, 0.3])  # of the optical frame


def turned(camera: Camera, degrees: float) -> Camera:
    """The same camera, its optical frame turned in place."""
    rotation = rotation_of_vector(np.radians(degrees) * AXIS) @ camera.rotation
    pose = np.column_stack([rotation, -rotation @ camera.center])
    return replace(camera, projection=camera.intrinsics @ pose)


def refined(
    poses: Path, names: tuple[str, ...], wrong: str, degrees: float, more: list[str]
) -> str:
    """One line of the table."""
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), names)
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.yaml", Path(folder) / "after.yaml"
        cameras = {**rig.cameras, wrong: turned(rig.cameras[wrong], degrees)}
        save_rig(Rig(rig.world_frame, cameras), before, "")
        given = ["--keypoints", poses, "--rig", before, "--out", after, "--json", *more]
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            status = hybrid_pose(["calibrate", "refine", *map(str, given)])
        if status != 0:
            return f"| {len(names)} | {wrong} | not found | | |"
        found = load_rig(after, names).cameras[wrong]
        answer = json.loads(said.getvalue())
    left = np.degrees(angle_of_rotation(found.rotation @ rig.cameras[wrong].rotation.T))
    row = answer["cameras"][wrong]
    others = [name for name in answer["moved"] if name != wrong]
    missed = "" if wrong in answer["moved"] else " (taken for right)"
    also = f" ({', '.join(others)} too)" if others else ""
    return (
        f"| {len(names)} | {wrong}{missed}{also} | {row['median_px_before']:.1f} | "
        f"{row['median_px_after']:.1f} | {left:.2f} deg |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("poses", type=Path, help="what `hybrid_pose infer --out` wrote")
    parser.add_argument("--degrees", type=float, default=2.0)
    args = parser.parse_args()
    print("| cameras | turned | before, px | after, px | error left |\n|---|---|---|---|---|")
    for wrong in FOUR:
        print(refined(args.poses, FOUR, wrong, args.degrees, []), flush=True)
    for wrong in TWO:
        print(refined(args.poses, TWO, wrong, args.degrees, ["--moved", wrong]), flush=True)


if __name__ == "__main__":
    main()
