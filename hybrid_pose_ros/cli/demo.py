"""`hybrid_pose demo`: a recording through the live graph, judged against its ground truth."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.resources import share_path

if TYPE_CHECKING:
    from hybrid_pose_ros.eval.report import Run
    from hybrid_pose_ros.pose.rig import Rig

EXAMPLE = """examples:
  hybrid_pose demo
  hybrid_pose demo --bag recordings/walk --out out/walk --no-video
"""
FPS = 25.0
RECORDING = ("recordings", "demo")
WEIGHTS = ("weights", "lite_hybrid.safetensors")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose demo`."""
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--bag", type=Path, help="recording with ground truth (default: bundled)")
    parser.add_argument(
        "--out", type=Path, default=Path("out/demo"),
        help="folder to write; an earlier demo is replaced (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--cameras", default="cam2,cam3", help="names in the rig (%(default)s)")
    parser.add_argument("--rig", type=Path, help="calibration file (default: the DHP19 rig)")
    parser.add_argument("--weights", type=Path, help="weights (default: the shipped ones)")
    parser.add_argument(
        "--device", default="auto", choices=["auto", "cpu", "cuda"],
        help="where the networks run (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--no-video", action="store_true", help="only the report")


def run(args: argparse.Namespace) -> int:
    """Run the graph, write report, video and still picture, and print the report."""
    _refuse_foreign(args.out)  # before the imports, which take seconds
    from hybrid_pose_ros.data.truth import read_truth
    from hybrid_pose_ros.eval.live_run import check_recording
    from hybrid_pose_ros.eval.report import build_report, format_report, write_report
    from hybrid_pose_ros.models.checkpoint import load_checkpoint
    from hybrid_pose_ros.pose.rig import camera_names, load_rig

    bag = args.bag or _shipped("--bag", *RECORDING)
    weights = args.weights or _shipped("--weights", *WEIGHTS)
    rig_path = args.rig or share_path("config", "dhp19_rig.yaml")
    # What the user can have got wrong comes out here, before anything is started or written.
    rig = load_rig(rig_path, camera_names(args.cameras))
    check_recording(bag, rig)
    truth = read_truth(bag)
    macs = load_checkpoint(weights).macs_per_keyframe
    args.out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".demo-", dir=args.out.parent))
    try:
        played = _play(args, bag, weights, rig_path, rig, work)
        print("judging the poses ...", flush=True)
        judged = _judge(bag, rig, truth, macs, played, work)
        report = build_report(judged)
        write_report(work / "report.json", report)
        if not args.no_video:
            _film(judged, report, work)
        shutil.rmtree(args.out, ignore_errors=True)
        work.rename(args.out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(format_report(report))
    print(f"written to {args.out}: {', '.join(sorted(p.name for p in args.out.iterdir()))}")
    return 0


def _play(
    args: argparse.Namespace, bag: Path, weights: Path, rig_path: Path, rig: Rig, work: Path
) -> float:
    """Run the graph until the recording has been played; returns its peak memory in MB."""
    from hybrid_pose_ros.eval.live_run import play_through_graph
    from hybrid_pose_ros.runtime.graph import GraphOptions

    options = GraphOptions(
        cameras=tuple(rig.cameras),
        rig=str(Path(rig_path).resolve()),
        weights=str(Path(weights).resolve()),
        device=args.device,
    )
    return play_through_graph(Path(bag).resolve(), options, work.resolve())


def _judge(bag: Path, rig: Rig, truth: tuple, macs: int, memory_mb: float, work: Path) -> Run:
    from hybrid_pose_ros.eval.accuracy import Truth
    from hybrid_pose_ros.eval.latency import read_published
    from hybrid_pose_ros.eval.live_run import POSES, PUBLISHED
    from hybrid_pose_ros.eval.report import Run
    from hybrid_pose_ros.eval.results import read_results
    from hybrid_pose_ros.eval.source import read_source

    return Run(
        rig=rig,
        sources=read_source(bag, rig),
        truth=Truth(*truth),
        published=read_published(work / PUBLISHED),
        results=read_results(work / POSES, list(rig.cameras)),
        macs_per_keyframe=macs,
        memory_mb=memory_mb,
    )


def _film(judged: Run, report: dict, work: Path) -> None:
    from tqdm import tqdm

    from hybrid_pose_ros.eval.film import demo_frames, frame_times
    from hybrid_pose_ros.view.video import render_demo

    captions = {}
    if report["rate_hz"] is not None:
        captions["skeletons"] = f"{report['rate_hz']:.0f} Hz"
    if report["latency_ms"]["p50"] is not None:
        captions["latency"] = f"{report['latency_ms']['p50']:.0f} ms"
    captions["energy"] = f"{report['energy_mw']:.0f} mW"
    count = len(frame_times(judged, FPS))
    with tqdm(total=count, desc="filming", unit="pictures") as bar:
        render_demo(
            demo_frames(judged, FPS, captions),
            work / "demo.mp4",
            work / "demo.png",
            still_at=0.67 * count / FPS,
            progress=lambda done: bar.update(done - bar.n),
            cameras=list(judged.rig.cameras.values()),
            fps=FPS,
        )


def _shipped(option: str, *parts: str) -> Path:
    try:
        return share_path(*parts)
    except FileNotFoundError as error:
        raise ConfigError(f"{error}; name one with {option}") from None


def _refuse_foreign(out: Path) -> None:
    """An earlier demo is replaced, anything else is not touched."""
    if out.exists() and not (out / "report.json").is_file() and any(out.iterdir()):
        raise ConfigError(f"--out {out} exists and is not of a demo; choose another folder")
