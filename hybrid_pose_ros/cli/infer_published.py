"""`hybrid_pose infer` with the flags of the published code: a data set in, a result file out."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hybrid_pose_ros.cli.output_file import check_output
from hybrid_pose_ros.errors import ConfigError, WeightsError
from hybrid_pose_ros.resources import share_path

if TYPE_CHECKING:
    from hybrid_pose_ros.models.network import PoseNetwork
    from hybrid_pose_ros.train.config import TrainConfig

BINS = 10  # of a sequence, where the settings do not say


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare them, with underscores and with dashes."""
    group = parser.add_argument_group("flags of the published code (test split of DHP19 files)")
    group.add_argument(
        "--config_path", "--config-path", type=Path,
        help="settings, a published .ini or YAML as for training; they name the data",
    )  # fmt: skip
    group.add_argument(
        "--txt_path", "--txt-path", type=Path, help="write errors and spike rates to this file"
    )
    group.add_argument(
        "--pretrained_dict_path", "--pretrained-dict-path", type=Path, dest="weights",
        help="weights: .safetensors, or a published .pt",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Judge a network on the test sequences; print and write the result."""
    if args.txt_path is None:
        raise ConfigError("--config_path needs --txt_path, the file of the result")
    check_output(args.txt_path, args.force)  # before the imports, which take seconds
    from torch.utils.data import DataLoader
    from tqdm import tqdm

    from hybrid_pose_ros.data.dhp19_dataset import Dhp19Dataset
    from hybrid_pose_ros.data.dhp19_sequence import collate
    from hybrid_pose_ros.data.dhp19_windows import Windows
    from hybrid_pose_ros.errors import RecordingError
    from hybrid_pose_ros.eval.published_inference import published_result
    from hybrid_pose_ros.models.fold import folded
    from hybrid_pose_ros.pose.rig import camera_names
    from hybrid_pose_ros.unfinished import write_text

    network = load_any(args.weights or share_path("weights", "lite_hybrid.safetensors"))
    config = _settings(args.config_path, network.kind)
    folder = args.recording or (config.data.folder if config and _names_data(config) else None)
    if folder is None:
        raise ConfigError("no data: give a folder of DHP19 files or settings that name one")
    published = network.config.preset == "paper"
    windows = Windows(
        bins=_bins(config, network.kind) if network.has_step else 0,
        step_ms=config.data.step_ms if config else 100,
        keyframe=config.data.keyframe if config else "count",
        keyframe_bins=network.config.keyframe_bins,
        edges="events" if published else "fixed",
        input_size=network.config.input_size,
        heatmap_size=network.config.heatmap_size,
        earlier=network.delays[-1],
    )
    cameras = config.data.cameras if config else camera_names(args.cameras)
    dataset = Dhp19Dataset(folder, "test", cameras, windows)
    if not len(dataset):
        raise RecordingError(f"{folder}: no test recording is long enough for one sequence")
    network = folded(network).to(_device(args.device))
    batches = DataLoader(dataset, 2 if published else 16, collate_fn=collate)  # type: ignore[arg-type]
    text = published_result(network, tqdm(batches, "inference", disable=None))
    write_text(args.txt_path, text)
    print(text, end="")
    return 0


def load_any(path: Path) -> PoseNetwork:
    """A network from our weights or from a published .pt file.

    Raises:
        WeightsError: the file is missing, damaged, or of no network that is known.
    """
    import torch

    from hybrid_pose_ros.models.checkpoint import PUBLISHED_SUFFIXES, load_checkpoint
    from hybrid_pose_ros.models.presets import KINDS, build
    from hybrid_pose_ros.models.published import load_published, read_state_dict

    if Path(path).suffix not in PUBLISHED_SUFFIXES:
        return load_checkpoint(path)
    state = read_state_dict(path)
    for kind in KINDS:
        with torch.device("meta"):
            keys = set(build(f"paper/{kind}").state_dict())
        if keys == set(state):
            network = build(f"paper/{kind}")
            load_published(network, state)
            return network.eval()
    raise WeightsError(
        f"checkpoint {path} holds none of the published networks ({', '.join(KINDS)}); "
        "'hybrid_pose import-checkpoint' says what is different"
    )


def _settings(path: Path | None, kind: str) -> TrainConfig | None:
    if path is None:
        return None
    from hybrid_pose_ros.train.config_file import build_config, load_train_config
    from hybrid_pose_ros.train.published_ini import translate_ini

    if path.suffix != ".ini":
        return load_train_config(path)
    values, notes = translate_ini(path, kind)
    for note in notes:
        print(f"{path}: {note}", file=sys.stderr)
    return build_config(values, str(path))


def _names_data(config: TrainConfig) -> bool:
    return config.data.source == "dhp19"


def _bins(config: TrainConfig | None, kind: str) -> int:
    """Steps of a sequence: those that a network is trained with."""
    stage = getattr(config, "hybrid" if kind.startswith("hybrid") else kind, None)
    return stage.bins[0] if stage is not None else BINS


def _device(text: str) -> str:
    """cpu, cuda, or cuda:1 as in the published code."""
    import torch

    from hybrid_pose_ros.runtime.device import resolve_device

    match = re.fullmatch(r"cuda:(\d+)", text)
    if match is None:
        return resolve_device(text)
    count = torch.cuda.device_count()
    if int(match[1]) >= count:
        raise ConfigError(f"--device {text}: this machine has {count} CUDA devices; use cpu")
    return text
