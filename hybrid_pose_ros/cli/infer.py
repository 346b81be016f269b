"""`hybrid_pose infer`: 2D poses of a recording, offline, by the estimator of the live nodes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid_pose_ros.cli import infer_published
from hybrid_pose_ros.cli.output_file import add_force, check_output
from hybrid_pose_ros.errors import ConfigError, UserError
from hybrid_pose_ros.resources import share_path

if TYPE_CHECKING:
    from hybrid_pose_ros.events.filters import FilterConfig
    from hybrid_pose_ros.pose.rig import Rig
    from hybrid_pose_ros.runtime.offline import CameraPoses

EXAMPLE = """example:
  hybrid_pose infer recordings/demo --cameras cam2,cam3 --out out/poses.npz
  hybrid_pose infer recordings/demo --delay-bins 7 --json
  hybrid_pose infer --config_path hybrid_cnn_snn_config.ini --pretrained_dict_path hybrid.pt \\
      --txt_path results.txt --device cuda:0
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose infer`."""
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "recording", type=Path, nargs="?",
        help="rosbag2 or another file of events; with --txt_path a folder of DHP19 files",
    )  # fmt: skip
    parser.add_argument("--cameras", default="cam2,cam3", help="names in the rig (%(default)s)")
    parser.add_argument("--rig", type=Path, help="rig file (default: the DHP19 rig)")
    parser.add_argument("--weights", type=Path, help="weights (default: the shipped ones)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--engine", default="auto", help="auto, event_driven, torch or cuda_graph")
    parser.add_argument(
        "--delay-bins", type=int, default=0, help="how late keyframes come into force, in bins"
    )
    parser.add_argument(
        "--keyframes", default="fixed", choices=["fixed", "on_demand"],
        help="of the CNN: ten a second, or when the pose has drifted",
    )  # fmt: skip
    parser.add_argument(
        "--mask", action="append", default=[], metavar="'CAMERA X Y WIDTH HEIGHT'",
        help="ignore the events of a region, in sensor pixels; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--hot-pixel-hz", type=float, default=0.0, help="ignore pixels that alone fire this often"
    )
    parser.add_argument(
        "--background-ms", type=float, default=0.0,
        help="ignore events without a neighbour in the milliseconds before",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, help="write all poses to this .npz file")
    add_force(parser)
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    infer_published.add_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Run the estimator over the recording; print a summary, write the poses."""
    if args.txt_path is not None or args.config_path is not None:
        return infer_published.run(args)
    if args.recording is None:
        raise ConfigError("no recording given; for a result file of a data set use --txt_path")
    if args.out is not None:
        check_output(args.out, args.force)
    poses = _infer(args)
    if args.out is not None:
        _write(args.out, poses)
    summary = {name: _summary(found) for name, found in poses.items()}
    if args.json:
        print(json.dumps(summary, indent=2))
    else:
        for name, figures in summary.items():
            print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in figures.items()))
    return 0


def _infer(args: argparse.Namespace) -> dict[str, CameraPoses]:
    """Poses of every camera; what can be wrong with the arguments is said before the work."""
    from hybrid_pose_ros.events.filters import FilterConfig
    from hybrid_pose_ros.pose.rig import camera_names, load_rig

    names = camera_names(args.cameras)
    filters = FilterConfig(tuple(args.mask), args.hot_pixel_hz, args.background_ms)
    filters.check_cameras(names)
    rig = load_rig(args.rig or share_path("config", "dhp19_rig.yaml"), names)
    return _infer_with(args, rig, filters)


def _infer_with(
    args: argparse.Namespace, rig: Rig, filters: FilterConfig
) -> dict[str, CameraPoses]:
    """The work; its imports alone take seconds."""
    import torch
    from tqdm import tqdm

    from hybrid_pose_ros.runtime.config import EstimatorConfig
    from hybrid_pose_ros.runtime.device import resolve_device
    from hybrid_pose_ros.runtime.offline import infer_recording

    torch.set_num_threads(1)  # as in the nodes, so that results are the same to the last digit
    device = resolve_device(args.device)
    weights = args.weights or share_path("weights", "lite_hybrid.safetensors")
    model = infer_published.load_any(weights).to(device)
    with tqdm(total=100, desc="inference", unit="%", disable=None) as bar:
        try:
            return infer_recording(
                args.recording, model, rig, EstimatorConfig(keyframes=args.keyframes),
                device=device, engine=args.engine, delay_bins=args.delay_bins, filters=filters,
                progress=lambda share: bar.update(100 * share - bar.n),
            )  # fmt: skip
        except UserError:
            raise
        except ValueError as error:
            raise UserError(str(error)) from error


def _summary(poses: CameraPoses) -> dict:
    updates, count = poses.updates, max(1, len(poses.updates))
    confidence = sum(float(u.keypoints.confidence.mean()) for u in updates) / count
    return {
        "events": poses.inputs.counters["events"],
        "keyframes": len(poses.keyframes),
        "keyframes_per_s": _keyframe_rate(poses),
        "updates": len(updates),
        "mean_confidence": round(confidence, 4),
        "spike_rate": round(sum(u.spike_rate for u in updates) / count, 5),
    }


def _keyframe_rate(poses: CameraPoses) -> float:
    """Keyframes per second after the first one, up to the last pose."""
    if not poses.updates or not poses.keyframes:
        return 0.0
    seconds = (poses.updates[-1].t_ns - poses.keyframes[0].t_ns) * 1e-9
    return round((len(poses.keyframes) - 1) / seconds, 2) if seconds > 0 else 0.0


def _write(path: Path, poses: dict[str, CameraPoses]) -> None:
    import numpy as np

    from hybrid_pose_ros.runtime.offline import update_arrays
    from hybrid_pose_ros.unfinished import unfinished

    arrays: dict[str, Any] = {
        f"{name}_{key}": value
        for name, found in poses.items()
        for key, value in update_arrays(found).items()
    }
    # An open file, because numpy would append .npz to any other name.
    with unfinished(path, force=True) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)
