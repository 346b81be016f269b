"""Which networks are judged on what: the arguments, and the recordings that they ask for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.resources import share_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hybrid_pose_ros.eval.scene import Scene

SIMULATED_SECTIONS = ("subjects", "movements")  # mocap needs files
TEST_SECTIONS = (*SIMULATED_SECTIONS, "mocap")
SECTIONS = (*TEST_SECTIONS, "fitting")


def add_data_arguments(parser: argparse.ArgumentParser, fitting: bool = False) -> None:
    """Arguments that say which networks are run on what.

    Args:
        fitting: something is fitted: to weights that are named otherwise, on the section of that
            name alone.
    """
    if fitting:
        parser.set_defaults(sections="fitting")
    else:
        parser.add_argument(
            "--models", default="", metavar="NAME=FILE,...",
            help="weights (default: the shipped ones)",
        )  # fmt: skip
        parser.add_argument(
            "--sections", default="",
            help="of subjects, movements, mocap; fitting: further people, to fit settings on "
            "(default: subjects,movements; of --data all three)",
        )  # fmt: skip
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
        "--subjects", default="",
        help="whom the section fitting has in --data (default: 101 to 200): numbers of people whom "
        "the networks were not trained on",
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


def open_scenes(args: argparse.Namespace) -> tuple[Iterable[Scene], int, list[str]]:
    """What `add_data_arguments` asked for: scenes, how many, and a line for what is left out.

    Raises:
        UserError: there is nothing to judge, or something of it is damaged.
    """
    from hybrid_pose_ros.data.dhp19_split import TEST_SUBJECTS
    from hybrid_pose_ros.eval.scenes import Dhp19Scenes, RecordingScene
    from hybrid_pose_ros.eval.simulated_set import FITTING_SUBJECTS
    from hybrid_pose_ros.pose.rig import camera_names, load_rig

    rig = load_rig(args.rig or share_path("config", "dhp19_rig.yaml"), camera_names(args.cameras))
    usual = SIMULATED_SECTIONS if args.data == "simulated" else TEST_SECTIONS
    sections = tuple(args.sections.split(",")) if args.sections else usual
    if unknown := sorted(set(sections) - set(SECTIONS)):
        raise ConfigError(f"unknown sections {unknown}; known are {', '.join(SECTIONS)}")
    left_out = numbers("--left-out", args.left_out)
    fitting = numbers("--subjects", args.subjects) or FITTING_SUBJECTS
    if judged := sorted(set(fitting) & set(TEST_SUBJECTS)):
        raise ConfigError(f"--subjects {judged} are those that networks are judged on; take others")
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
        found = (
            RecordingScene(path, rig)
            if is_bag
            else Dhp19Scenes(path, rig, left_out, sections, fitting=fitting)
        )
    return found, len(found), notes


def _simulate(
    args: argparse.Namespace, rig: Any, sections: tuple[str, ...], left_out: tuple[int, ...]
) -> tuple[Path, set[str]]:
    from hybrid_pose_ros.eval.simulated_set import SetConfig, find_clips, folder_name, make_set

    clips = find_clips(args.mocap) if args.mocap else ()
    if "mocap" in sections and not clips:
        raise ConfigError("the section mocap needs motion capture files: --mocap FOLDER")
    config = SetConfig(sections, args.recordings, args.seconds, args.seed, left_out, clips)
    folder = args.clips / folder_name(config, rig)
    return folder, make_set(config, rig, folder)


def numbers(name: str, text: str) -> tuple[int, ...]:
    """Whole numbers from the command line, separated by commas.

    Raises:
        ConfigError: they are none; `name` is that of the argument.
    """
    try:
        return tuple(int(item) for item in text.split(",") if item)
    except ValueError as error:
        raise ConfigError(f"{name} must be whole numbers with commas, got {text!r}") from error


def at_least_1(name: str, value: int) -> int:
    """A number from the command line that must be positive."""
    if value < 1:
        raise ConfigError(f"{name} must be at least 1, got {value}")
    return value
