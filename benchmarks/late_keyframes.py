"""What a late keyframe costs: 2D error of the offline estimator against the delay of the CNN.

usage: python benchmarks/late_keyframes.py [--weights FILE] [--recording BAG] [--delays 0,4,8,16]

The recording needs ground truth. Beside each delay stands the error of holding the last keyframe
that would have arrived, which is what the spiking network has to beat.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from hybrid_pose_ros.data.truth import read_truth
from hybrid_pose_ros.eval.accuracy import Truth, distances_2d
from hybrid_pose_ros.models.checkpoint import load_checkpoint
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.runtime.offline import infer_recording


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--recording", type=Path, default=None)
    parser.add_argument("--cameras", default="cam2,cam3")
    parser.add_argument("--delays", default="0,4,8,16")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_checkpoint(args.weights or share_path("weights", "lite_hybrid.safetensors"))
    recording = args.recording or share_path("recordings", "demo")
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), args.cameras.split(","))
    truth = Truth(*read_truth(recording))
    print("delay ms | hybrid px, mean (median) | held px, mean (median) | keyframes alone px")
    for delay in (int(text) for text in args.delays.split(",")):
        hybrid, held, keyframes = [], [], []
        poses = infer_recording(recording, model, rig, delay_bins=delay)
        for name, found in poses.items():
            camera, to_ros = rig.cameras[name], found.inputs.clock.to_ros
            xyz = truth.at(np.array([to_ros(u.t_ns) for u in found.updates]))
            uv = np.stack([u.keypoints.uv for u in found.updates])
            hybrid.append(distances_2d(uv, xyz, camera))
            held.append(distances_2d(np.stack([u.keyframe_uv for u in found.updates]), xyz, camera))
            xyz = truth.at(np.array([to_ros(k.t_ns) for k in found.keyframes]))
            uv = np.stack([k.keypoints.uv for k in found.keyframes])
            keyframes.append(distances_2d(uv, xyz, camera))
        cells = [np.concatenate(part) for part in (hybrid, held)]
        text = " | ".join(f"{np.nanmean(c):5.2f} ({np.nanmedian(c):5.2f})" for c in cells)
        print(
            f"{10 * delay:8d} | {text} | {np.nanmean(np.concatenate(keyframes)):5.2f}", flush=True
        )


if __name__ == "__main__":
    main()
