"""`hybrid_pose calibrate check`: reprojection residuals of a moving person, camera by camera."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid_pose_ros.cli import calibrate_input
from hybrid_pose_ros.skeleton import JOINTS

if TYPE_CHECKING:
    import numpy as np

    from hybrid_pose_ros.pose.rig_check import Suspicion

EXAMPLE = """examples:
  hybrid_pose calibrate check recordings/walk --rig my_rig.yaml --out out/check
  hybrid_pose calibrate check --keypoints poses.npz --cameras cam2,cam3 --json
"""
PICTURE = "residuals.png"
_LARGE_PX = 6.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose calibrate check`."""
    parser.epilog = EXAMPLE
    calibrate_input.add_arguments(parser)
    parser.add_argument("--out", type=Path, help=f"folder for the picture {PICTURE}")


def run(args: argparse.Namespace) -> int:
    """Print the residuals and the verdict; draw the picture."""
    from hybrid_pose_ros.pose.rig_check import reprojections, residuals_px, suspect

    rig, views = calibrate_input.read(args)
    cameras = list(rig.cameras.values())
    residuals = residuals_px(cameras, views)
    suspicion = suspect(cameras, views)
    answer = summary(list(rig.cameras), residuals, suspicion)
    if args.out is not None:
        from hybrid_pose_ros.view.residuals import draw_residuals
        from hybrid_pose_ros.view.video import write_png

        notes = [
            f"median {found['median_px']:.1f} px"
            + (", DOES NOT FIT" if name in suspicion.moved else "")
            for name, found in answer["cameras"].items()
        ]
        expected = reprojections(cameras, views)
        write_png(args.out / PICTURE, draw_residuals(cameras, views.uv, expected, notes))
    print(json.dumps(answer, indent=2) if args.json else _text(answer))
    return 0


def summary(names: list[str], residuals: np.ndarray, suspicion: Suspicion) -> dict[str, Any]:
    """The answer: residuals (C, T, 13) px per camera and joint, and the verdict."""
    import numpy as np

    cameras = {}
    for i, name in enumerate(names):
        known = residuals[i][np.isfinite(residuals[i])]
        joints = {
            joint: round(float(np.nanmedian(column)), 2) if np.isfinite(column).any() else None
            for joint, column in zip(JOINTS, residuals[i].T, strict=True)
        }
        cameras[name] = {
            "median_px": round(float(np.median(known)), 2) if known.size else None,
            "p95_px": round(float(np.percentile(known, 95)), 2) if known.size else None,
            "views": int(known.size),
            "turned_deg": round(float(suspicion.turned_deg[i]), 2),
            "joints_px": joints,
        }
    return {
        "cameras": cameras,
        "does_not_fit": list(suspicion.moved),
        "rivals": list(suspicion.rivals),
        "verdict": verdict(
            suspicion,
            float(np.nanmedian(residuals)),
            dict(zip(names, suspicion.turned_deg, strict=True)),
        ),
    }


def verdict(suspicion: Suspicion, median_px: float, turned_deg: dict[str, float]) -> str:
    """One or two sentences that name the camera."""
    if suspicion.moved and suspicion.rivals:
        names = ", ".join((*suspicion.moved[:1], *suspicion.rivals))
        return (
            f"{names} do not fit each other, and the poses cannot tell which of them has moved. "
            "Say so: hybrid_pose calibrate refine --moved NAME"
        )
    if suspicion.moved:
        found = " and ".join(
            f"{n} (turned by {turned_deg[n]:.1f} degrees)" for n in suspicion.moved
        )
        verb = "do" if len(suspicion.moved) > 1 else "does"
        return f"{found} {verb} not fit the others. Run: hybrid_pose calibrate refine"
    if not median_px < _LARGE_PX:
        return (
            f"The residuals are large ({median_px:.1f} px in the median), but turning a camera "
            "does not help: check the clocks, the intrinsics and the names of the cameras"
        )
    return f"All cameras fit each other; the median residual is {median_px:.1f} px."


def _text(answer: dict[str, Any]) -> str:
    lines = ["camera      median px   95 % px   would turn by   worst joint"]
    for name, found in answer["cameras"].items():
        joints = {joint: px for joint, px in found["joints_px"].items() if px is not None}
        worst = max(joints, key=lambda joint: joints[joint]) if joints else "none"
        lines.append(
            f"{name:<11} {found['median_px'] or 0:9.2f} {found['p95_px'] or 0:9.2f} "
            f"{found['turned_deg']:11.2f} deg   {worst} {joints.get(worst, 0):.1f} px"
        )
    return "\n".join([*lines, answer["verdict"]])
