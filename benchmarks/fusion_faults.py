"""What a fault of one camera costs: time to notice, error meanwhile, time to forgive.

    python benchmarks/fusion_faults.py

One second of each fault on simulated poses of the DHP19 rig, with errors of 3 px that last.
"""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.eval.camera_faults import FAULTS
from hybrid_pose_ros.eval.simulated_poses import SimulatedPoses
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.runtime.fused_skeleton import FusedSkeleton
from hybrid_pose_ros.runtime.fusion import Fusion

RIGS = (("cam2", "cam3"), ("cam0", "cam2", "cam3"), ("cam0", "cam1", "cam2", "cam3"))
BEGIN, END, LAST = 100, 200, 320


def run(cameras: tuple[str, ...], fault: str, seed: int = 0) -> str:
    """One line of the table."""
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), cameras)
    poses, fusion, bad = SimulatedPoses(rig, LAST, seed), Fusion(rig), cameras[-1]
    first = poses.keypoints(bad, BEGIN - 1)
    skeletons: list[FusedSkeleton] = []
    good = np.ones(LAST, bool)
    for k in range(LAST):
        for camera in cameras:
            delivery = (0, poses.keypoints(camera, k))
            if camera == bad and BEGIN <= k < END:
                found = FAULTS[fault](rig.cameras[bad], k - BEGIN, delivery[1], first)
                if found is None:
                    continue
                delivery = found
            skeletons += fusion.add(camera, poses.t_ns(k + delivery[0]), delivery[1])
        report = fusion.report(bad)
        good[k] = report.live and report.verdict == "ok"
    k = np.array([(s.t_ns - poses.start_ns) / poses.period_ns for s in skeletons])
    truth = np.array([poses.truth(at) for at in k])
    error = np.linalg.norm(np.array([s.xyz for s in skeletons]) - truth, axis=2) * 1e3
    confidence = np.array([s.confidence.mean() for s in skeletons])
    during, after = (k >= BEGIN) & (k < END), k >= END + 60
    noticed = 10 * int(np.argmin(good[BEGIN:]))
    forgiven = 10 * int(np.argmax(good[END:]))
    before, meanwhile = np.nanmean(error[(k > 30) & (k < BEGIN)]), np.nanmean(error[during])
    return (
        f"| {len(cameras)} | {fault} | {noticed} | {before:.0f} | {meanwhile:.0f} | "
        f"{confidence[during][-30:].mean():.2f} | {forgiven} | {np.nanmean(error[after]):.0f} |"
    )


def main() -> None:
    """Print the table."""
    print("| cameras | fault | noticed after, ms | error before, mm | during | confidence", end="")
    print(" at its end | forgiven after, ms | error after |")
    print("|---|---|---|---|---|---|---|---|")
    for cameras in RIGS:
        for fault in FAULTS:
            print(run(cameras, fault), flush=True)


if __name__ == "__main__":
    main()
