"""What both verbs of `hybrid_pose calibrate` read: a rig, and 2D poses of a person who moves."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hybrid_pose_ros.errors import ConfigError, RecordingError
from hybrid_pose_ros.resources import share_path

if TYPE_CHECKING:
    from hybrid_pose_ros.pose.rig import Rig
    from hybrid_pose_ros.pose.views import Track, Views

_REMEDY = "make it with `hybrid_pose infer RECORDING --cameras ... --out FILE.npz`"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("recording", type=Path, nargs="?", help="recording of a person who moves about")
    add("--keypoints", type=Path, help="instead: the .npz file that `hybrid_pose infer` wrote")
    add("--rig", type=Path, help="calibration to look at (default: the DHP19 rig)")
    add("--cameras", help="names in the rig, comma-separated (default: all)")
    add("--weights", type=Path, help="weights (default: the shipped ones)")
    add("--device", default="auto", help="auto, cpu or cuda")
    add("--json", action="store_true", help="print the answer as JSON")


def read(args: argparse.Namespace) -> tuple[Rig, Views]:
    """The rig and the poses of its cameras at common times.

    Raises:
        UserError: naming the value and the remedy.
    """
    from hybrid_pose_ros.pose.rig import camera_names, load_rig
    from hybrid_pose_ros.pose.views import common_views

    if (args.recording is None) == (args.keypoints is None):
        raise ConfigError("give either a recording or --keypoints FILE.npz, not both")
    names = camera_names(args.cameras) if args.cameras else None
    rig = load_rig(rig_path(args), names)
    if len(rig.cameras) < 2:
        raise ConfigError(f"give two cameras or more, got {', '.join(rig.cameras)}")
    tracks = _stored(args.keypoints, rig) if args.keypoints else _inferred(args, rig)
    return rig, common_views(tracks, list(rig.cameras.values()))


def rig_path(args: argparse.Namespace) -> Path:
    """The calibration to look at: that of --rig, or the one that comes with the package."""
    return args.rig or share_path("config", "dhp19_rig.yaml")


def _stored(path: Path, rig: Rig) -> dict[str, Track]:
    import zipfile

    import numpy as np

    from hybrid_pose_ros.pose.views import Track

    if path.is_file() and not zipfile.is_zipfile(path):
        raise RecordingError(f"{path} is no .npz file; {_REMEDY}")
    try:
        with np.load(path) as arrays:
            return {
                name: Track(
                    arrays[f"{name}_ros_time_ns"], arrays[f"{name}_uv"],
                    arrays[f"{name}_covariance"], arrays[f"{name}_confidence"],
                )
                for name in rig.cameras
            }  # fmt: skip
    except (OSError, ValueError, zipfile.BadZipFile, KeyError) as error:
        raise RecordingError(
            f"{path} has no poses of {', '.join(rig.cameras)}: {error}; {_REMEDY}, or choose "
            "--cameras"
        ) from error


def _inferred(args: argparse.Namespace, rig: Rig) -> dict[str, Track]:
    import torch
    from tqdm import tqdm

    from hybrid_pose_ros.models.checkpoint import load_checkpoint
    from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid
    from hybrid_pose_ros.pose.views import Track
    from hybrid_pose_ros.runtime.device import resolve_device
    from hybrid_pose_ros.runtime.offline import infer_recording, update_arrays

    torch.set_num_threads(1)
    device = resolve_device(args.device)
    weights = args.weights or share_path("weights", "lite_hybrid.safetensors")
    model = load_checkpoint(weights, device, LiteHybrid)
    with tqdm(total=100, desc="inference", unit="%", disable=None) as bar:
        poses = infer_recording(
            args.recording, model, rig, device=device,
            progress=lambda share: bar.update(100 * share - bar.n),
        )  # fmt: skip
    tracks = {}
    for name, found in poses.items():
        arrays = update_arrays(found)
        keys = ("ros_time_ns", "uv", "covariance", "confidence")
        tracks[name] = Track(*(arrays[key] for key in keys))
    return tracks
