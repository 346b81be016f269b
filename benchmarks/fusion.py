"""Speed of the fusion, as ratios to OpenCV and numpy in the same run, and its memory in an hour.

python benchmarks/fusion.py [--hour]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np
import psutil

from hybrid_pose_ros.eval.simulated_poses import SimulatedPoses
from hybrid_pose_ros.pose.kalman import JointFilter
from hybrid_pose_ros.pose.rig import Rig, load_rig
from hybrid_pose_ros.pose.triangulation import triangulate
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.runtime.fusion import Fusion

CAMERAS = ("cam0", "cam1", "cam2", "cam3")


def best_us(call: Callable[[], object], seconds: float = 1.0) -> float:
    """Shortest of many calls, microseconds: the machine is shared."""
    call()
    best, end = np.inf, time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best * 1e6


def svd_points(projections: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Unweighted linear triangulation with one batched SVD in numpy, the usual way."""
    rows = uv[..., None] * projections[:, None, 2:3] - projections[:, None, :2]
    stacked = rows.transpose(1, 0, 2, 3).reshape(uv.shape[1], -1, 4)
    point = np.linalg.svd(stacked)[2][:, -1]
    return point[:, :3] / point[:, 3:]


def solvers(rig: Rig) -> None:
    """One skeleton: ours against OpenCV (two views only, one pair) and a numpy SVD."""
    poses = SimulatedPoses(rig, 2)
    seen = [poses.keypoints(camera, 0) for camera in CAMERAS]
    uv = np.array([p.uv for p in seen], np.float64)
    covariance = np.array([p.covariance for p in seen], np.float64)
    confidence = np.array([p.confidence for p in seen], np.float64)
    p = rig.projections()
    ours = best_us(lambda: triangulate(p, uv, covariance, confidence))
    svd = best_us(lambda: svd_points(p, uv))
    pair = best_us(lambda: cv2.triangulatePoints(p[0], p[1], uv[0].T, uv[1].T))
    print(f"static solver, 4 cameras x 13 joints: {ours:.0f} us (goal 300)")
    print(
        f"  {ours / svd:.2f} x numpy SVD of four views ({svd:.0f} us): weights, covariances, gate"
    )
    print(f"  {ours / pair:.2f} x cv2.triangulatePoints of two views ({pair:.0f} us)")


def updates(rig: Rig) -> None:
    """One camera's pose into the filter, and into the whole fusion."""
    poses = SimulatedPoses(rig, 600)
    seen = poses.keypoints("cam2", 0)
    joints = JointFilter(13, len(CAMERAS))
    joints.start(np.ones(13, bool), poses.truth(0))
    uv, covariance = seen.uv.astype(float), seen.covariance.astype(float)
    projection, every = rig.cameras["cam2"].projection, np.ones(13, bool)

    def update() -> None:
        joints.predict(1e-6)
        joints.update_pixels(2, projection, uv, covariance, every)

    one = best_us(update)
    print(f"filter: prediction and update of 13 joints, 4 cameras' errors: {one:.0f} us (goal 200)")
    for cameras in (CAMERAS[2:], CAMERAS):
        fusion = Fusion(load_rig(share_path("config", "dhp19_rig.yaml"), cameras))
        plan = [(c, poses.t_ns(k), poses.keypoints(c, k)) for k in range(600) for c in cameras]
        start = time.process_time()
        for camera, t_ns, keypoints in plan:
            fusion.add(camera, t_ns, keypoints)
        spent = (time.process_time() - start) / len(plan) * 1e6
        share = spent * 1e-6 * 100 * len(cameras)
        print(
            f"fusion, {len(cameras)} cameras: {spent:.0f} us of CPU per pose, skeletons included: "
            f"{share:.2f} core at 100 Hz"
        )


def hour(rig: Rig) -> None:
    """An hour of two cameras: memory and lengths of histories."""
    poses, fusion = SimulatedPoses(rig, 6000), Fusion(rig)
    process = psutil.Process()
    for k in range(360_000):
        for camera in rig.cameras:
            fusion.add(camera, poses.t_ns(k), poses.keypoints(camera, k % 6000))
        if k % 60_000 == 6000 or k == 359_999:
            used = process.memory_info().rss / 2**20
            print(f"  after {k / 6000:.0f} min: {used:.1f} MB, {fusion.history} poses kept")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hour", action="store_true", help="also fuse an hour (some minutes)")
    args = parser.parse_args()
    path = share_path("config", "dhp19_rig.yaml")
    solvers(load_rig(path, CAMERAS))
    updates(load_rig(path, CAMERAS))
    if args.hour:
        hour(load_rig(path, CAMERAS[2:]))


if __name__ == "__main__":
    main()
