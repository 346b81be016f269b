"""`hybrid_pose evaluate`: all networks against each other and against the truth, in one table."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.resources import share_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hybrid_pose_ros.eval.keyframe_curve import CurveProtocol
    from hybrid_pose_ros.eval.scene import Scene

EXAMPLE = """examples:
  hybrid_pose evaluate --out out/evaluation
  hybrid_pose evaluate --mocap clips/ --sections subjects,movements,mocap --json
  hybrid_pose evaluate --data DHP19/ --models lite/hybrid_cnn_snn=mine.safetensors
  hybrid_pose evaluate --data recordings/demo --cameras cam2,cam3 --rates 100
  hybrid_pose evaluate --parts keyframes --out out/keyframes

Simulated people are kept in --clips and read again the next time. --out gets results.json,
results.md, results.csv, results.tex, published/*.txt and examples.npz (for `hybrid_pose plot`).
"""
TEST_SECTIONS = ("subjects", "movements", "mocap")
SECTIONS = (*TEST_SECTIONS, "fitting")
PARTS = ("windows", "keyframes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose evaluate`."""
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_data_arguments(parser)
    parser.add_argument("--rates", default="100,200", help="steps per second, comma-separated")
    parser.add_argument(
        "--horizon-ms", type=int, default=400, help="how long some windows have no new keyframe"
    )
    parser.add_argument(
        "--parts", default="windows,keyframes",
        help="windows: all networks against each other; keyframes: error by keyframes a second",
    )  # fmt: skip
    parser.add_argument(
        "--drifts", default="1,1.5,2,3,4.5,7",
        help="thresholds of keyframes on demand, px, comma-separated",
    )  # fmt: skip
    parser.add_argument(
        "--delay-bins", type=int, default=0, help="of the part keyframes: how late they come"
    )
    parser.add_argument("--batch", type=int, default=16, help="windows at a time")
    parser.add_argument("--out", type=Path, help="folder of the tables and of what plots need")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments that say which networks are run on what."""
    parser.add_argument(
        "--models", default="", metavar="NAME=FILE,...", help="weights (default: the shipped ones)"
    )
    parser.add_argument(
        "--data", default="simulated",
        help="simulated, a folder of DHP19 files, or a recording with ground truth",
    )  # fmt: skip
    parser.add_argument(
        "--cameras", default="cam2,cam3,cam0,cam1",
        help="names in the rig; 2D errors are of the first two, 3D of the first two and of all",
    )  # fmt: skip
    parser.add_argument("--rig", type=Path, help="rig file (default: the DHP19 rig)")
    parser.add_argument(
        "--sections", default="subjects,movements",
        help="of subjects, movements, mocap; fitting: further people, to fit settings on",
    )  # fmt: skip
    parser.add_argument(
        "--left-out", default="7,8,22,27,28", help="numbers of the movements not trained on"
    )
    parser.add_argument("--mocap", type=Path, help="motion capture (.amc, .bvh): file or folder")
    parser.add_argument("--recordings", type=int, default=10, help="simulated, per section")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a simulated recording")
    parser.add_argument("--seed", type=int, default=11, help="of the simulated people")
    parser.add_argument(
        "--clips", type=Path, default=Path("out/evaluate/clips"), help="where those are kept"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch on a CPU")


def run(args: argparse.Namespace) -> int:
    """Evaluate, print the table, write the files."""
    import torch

    from hybrid_pose_ros.eval.contenders import load_networks
    from hybrid_pose_ros.eval.evaluation import Protocol, nothing, write_json
    from hybrid_pose_ros.eval.evaluation import evaluate as compare
    from hybrid_pose_ros.eval.examples import FILE, write_examples
    from hybrid_pose_ros.eval.extra_tables import whole_markdown
    from hybrid_pose_ros.eval.keyframe_curve import keyframe_curve
    from hybrid_pose_ros.eval.published_text import write_published
    from hybrid_pose_ros.eval.tables import write_tables
    from hybrid_pose_ros.runtime.device import resolve_device

    if args.out is not None and args.out.exists() and not args.out.is_dir():
        raise ConfigError(f"--out {args.out} is a file; give a folder")
    protocol = Protocol(
        _rates(args.rates), _horizon(args.horizon_ms), batch=at_least_1("--batch", args.batch)
    )
    parts, curve = _parts(args.parts), _curve(args)
    device = resolve_device(args.device)
    torch.set_num_threads(at_least_1("--threads", args.threads))
    given = [item for item in args.models.split(",") if item]
    networks = load_networks(given, share_path("weights"), device)
    scenes, count, notes = open_scenes(args)
    windows = "windows" in parts
    result, examples = (
        compare(networks, scenes, count, protocol) if windows else (nothing(networks), [])
    )
    if "keyframes" in parts:
        result["keyframes"] = keyframe_curve(networks, scenes, count, curve)
    result["left_out"] += notes
    result["data"] = {
        "source": args.data, "cameras": args.cameras, "seed": args.seed, "seconds": args.seconds,
    }  # fmt: skip
    if args.out is not None:
        write_json(result, args.out / "results.json")
        write_tables(result, args.out, whole_markdown(result))
        if windows:
            write_published(result, args.out / "published")
            write_examples(examples, args.out / FILE)
    print(json.dumps(result, indent=1) if args.json else whole_markdown(result))
    return 0


def open_scenes(args: argparse.Namespace) -> tuple[Iterable[Scene], int, list[str]]:
    """What `add_data_arguments` asked for: scenes, how many, and a line for what is left out.

    Raises:
        UserError: there is nothing to judge, or something of it is damaged.
    """
    from hybrid_pose_ros.eval.scenes import Dhp19Scenes, RecordingScene
    from hybrid_pose_ros.pose.rig import load_rig

    rig = load_rig(args.rig or share_path("config", "dhp19_rig.yaml"), args.cameras.split(","))
    sections = tuple(args.sections.split(","))
    if unknown := sorted(set(sections) - set(SECTIONS)):
        raise ConfigError(f"unknown sections {unknown}; known are {', '.join(SECTIONS)}")
    left_out = _numbers("--left-out", args.left_out)
    notes: list[str] = []
    found: Any
    if args.data == "simulated":
        folder, stems = _simulate(args, rig, sections, left_out)
        if args.mocap is None:
            notes.append("mocap: no motion capture files given with --mocap, left out")
        found = Dhp19Scenes(folder, rig, left_out, sections, stems)
    else:
        path = Path(args.data)
        if not path.exists():
            raise ConfigError(f"no data at {path}; give 'simulated', a DHP19 folder or a recording")
        is_bag = path.is_file() or (path / "metadata.yaml").exists() or any(path.glob("*.mcap"))
        every = TEST_SECTIONS if "fitting" not in sections else sections
        found = RecordingScene(path, rig) if is_bag else Dhp19Scenes(path, rig, left_out, every)
    return found, len(found), notes


def _simulate(
    args: argparse.Namespace, rig: Any, sections: tuple[str, ...], left_out: tuple[int, ...]
) -> tuple[Path, set[str]]:
    from hybrid_pose_ros.eval.simulated_set import SetConfig, find_clips, folder_name, make_set

    clips = find_clips(args.mocap) if args.mocap else ()
    if "mocap" in sections and not clips:
        raise ConfigError("the section mocap needs motion capture files: --mocap FOLDER")
    config = SetConfig(sections, args.recordings, args.seconds, args.seed, left_out, clips)
    folder = args.clips / folder_name(config, list(rig.cameras))
    return folder, make_set(config, rig, folder)


def _numbers(name: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(item) for item in text.split(",") if item)
    except ValueError as error:
        raise ConfigError(f"{name} must be whole numbers with commas, got {text!r}") from error


def _parts(text: str) -> list[str]:
    parts = text.split(",")
    if unknown := sorted(set(parts) - set(PARTS)):
        raise ConfigError(f"unknown parts {unknown}; known are {', '.join(PARTS)}")
    return parts


def _curve(args: argparse.Namespace) -> CurveProtocol:
    from hybrid_pose_ros.eval.keyframe_curve import CurveProtocol

    try:
        drifts = tuple(float(item) for item in args.drifts.split(",") if item)
        protocol = CurveProtocol(drifts_px=drifts, delay_bins=args.delay_bins)
        protocol.settings()
    except ValueError as error:
        raise ConfigError(f"--drifts and --delay-bins must fit: {error}") from error
    return protocol


def _rates(text: str) -> tuple[int, ...]:
    rates = _numbers("--rates", text)
    if not rates or any(
        rate < 10 or 1000 % rate or (1000 // rate) * rate != 1000 for rate in rates
    ):
        raise ConfigError(f"--rates must divide 1000 and be at least 10, got {text!r}")
    if any(100 % (1000 // rate) for rate in rates):
        raise ConfigError(f"--rates must give whole steps between keyframes, got {text!r}")
    return rates


def _horizon(ms: int) -> int:
    if ms < 100 or ms % 100:
        raise ConfigError(f"--horizon-ms must be a multiple of 100, got {ms}")
    return ms


def at_least_1(name: str, value: int) -> int:
    """A number from the command line that must be positive."""
    if value < 1:
        raise ConfigError(f"{name} must be at least 1, got {value}")
    return value
