"""`hybrid_pose calibrate refine`: new poses of cameras from a recording of a moving person."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid_pose_ros.cli import calibrate_input
from hybrid_pose_ros.cli.output_file import add_force, check_output
from hybrid_pose_ros.errors import CalibrationError, ConfigError

if TYPE_CHECKING:
    from hybrid_pose_ros.pose.rig import Rig
    from hybrid_pose_ros.pose.views import Views

EXAMPLE = """examples:
  hybrid_pose calibrate refine recordings/walk --rig my_rig.yaml --out new_rig.yaml
  hybrid_pose calibrate refine --keypoints poses.npz --moved cam3 --out new_rig.yaml
"""
_TIMES = 150


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose calibrate refine`."""
    parser.epilog = EXAMPLE
    calibrate_input.add_arguments(parser)
    add = parser.add_argument
    add("--moved", help="cameras that have moved, comma-separated (default: found out)")
    add(
        "--shift-m",
        type=float,
        default=0.005,
        help="how far a moved camera may also have been shifted, m (%(default)s)",
    )
    add("--out", type=Path, required=True, help="the new rig file")
    add_force(parser)


def run(args: argparse.Namespace) -> int:
    """Refine, write the new rig, and say what has changed."""
    from hybrid_pose_ros.pose.bundle_adjustment import adjust
    from hybrid_pose_ros.pose.bundle_problem import Beliefs
    from hybrid_pose_ros.pose.rig import Rig, load_rig, save_rig
    from hybrid_pose_ros.pose.rig_check import residuals_px

    check_output(args.out, args.force)
    if not args.shift_m > 0:
        raise ConfigError(f"--shift-m must be above 0, got {args.shift_m}")
    beliefs = Beliefs(position_m=args.shift_m)
    rig, views = calibrate_input.read(args)
    before = list(rig.cameras.values())
    moved = _moved(args.moved, rig, views, args.shift_m)
    fewer = views.thinned(_TIMES)
    found = adjust(before, fewer.uv, fewer.covariance, moved, beliefs)
    refined = dict(zip(rig.cameras, found.cameras, strict=True))
    answer = _summary(
        moved, rig, found.moves, residuals_px(before, views), residuals_px(found.cameras, views)
    )
    # Cameras of the file that were not asked for stay in it.
    every = load_rig(calibrate_input.rig_path(args)).cameras
    comment = f"Refined by `hybrid_pose calibrate refine`: {', '.join(moved) or 'no camera'} moved."
    save_rig(Rig(rig.world_frame, {**every, **refined}), args.out, comment)
    print(json.dumps(answer, indent=2) if args.json else _text(answer, args.out))
    return 0


def _moved(given: str | None, rig: Rig, views: Views, shift_m: float) -> list[str]:
    """Names of the cameras to refine."""
    from hybrid_pose_ros.pose.rig_check import suspect

    if given is None:
        suspicion = suspect(list(rig.cameras.values()), views, shift_m)
        if suspicion.rivals:
            pair = ", ".join((suspicion.moved[0], *suspicion.rivals))
            raise CalibrationError(
                f"{pair} do not fit each other, and the poses cannot tell which of them has "
                "moved; name it with --moved"
            )
        return list(suspicion.moved)
    names = [name.strip() for name in given.split(",") if name.strip()]
    unknown = [name for name in names if name not in rig.cameras]
    if unknown or not names:
        raise ConfigError(f"--moved {given}: choose from the cameras {', '.join(rig.cameras)}")
    if len(names) == len(rig.cameras):
        raise ConfigError(
            "--moved names every camera, but one at least must hold the world frame; leave out "
            "the one that you trust most"
        )
    return names


def _summary(moved: list[str], rig: Rig, moves: Any, before: Any, after: Any) -> dict[str, Any]:
    import numpy as np

    cameras = {
        name: {
            "turned_deg": round(float(np.degrees(np.linalg.norm(moves[i, :3]))), 3),
            "shifted_mm": round(float(1000 * np.linalg.norm(moves[i, 3:])), 1),
            "median_px_before": round(float(np.nanmedian(before[i])), 2),
            "median_px_after": round(float(np.nanmedian(after[i])), 2),
        }
        for i, name in enumerate(rig.cameras)
    }
    return {"moved": moved, "cameras": cameras}


def _text(answer: dict[str, Any], path: Path) -> str:
    lines = ["camera      median px before  after   turned by   shifted by"]
    for name, found in answer["cameras"].items():
        lines.append(
            f"{name:<11} {found['median_px_before']:16.2f} {found['median_px_after']:6.2f} "
            f"{found['turned_deg']:7.2f} deg {found['shifted_mm']:8.1f} mm"
        )
    if not answer["moved"]:
        lines.append("All cameras fit each other; the new file is the same calibration.")
    return "\n".join([*lines, f"written: {path}"])
