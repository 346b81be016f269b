"""A short made-up recording, a small untrained network, and a rig: inputs of whole graphs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hybrid_pose_ros.runtime.domain import private_domain

START = 1_700_000_000_000_000_000
CAMERAS = ("cam2", "cam3")
SECONDS = 2.0
NOISE_PX = 4.0


@pytest.fixture(scope="session", autouse=True)
def own_domain():
    """A DDS domain of this run, unless whoever started it chose one."""
    for name, value in private_domain().items():
        os.environ.setdefault(name, value)


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A small network that has learnt nothing."""
    import torch

    from hybrid_pose_ros.models.checkpoint import save_checkpoint
    from hybrid_pose_ros.models.lite.config import LiteConfig
    from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid

    torch.manual_seed(1)
    config = LiteConfig(input_size=64, cnn_widths=(8, 8, 8, 8), snn_widths=(8, 8, 8))
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_checkpoint(LiteHybrid(config).eval(), path)
    return path


@pytest.fixture(scope="session")
def rig():
    from hybrid_pose_ros.pose.rig import load_rig
    from hybrid_pose_ros.resources import share_path

    return load_rig(share_path("config", "dhp19_rig.yaml"), CAMERAS)


@pytest.fixture(scope="session")
def swaying(rig):
    """Events around the joints of a stiff person that sways, and the truth.

    Returns:
        ({camera: EVENT_DTYPE}, truth times (n,), truth (n, 13, 3)).
    """
    from hybrid_pose_ros.events.types import EVENT_DTYPE

    rng = np.random.default_rng(17)
    still = rng.uniform([-0.3, -0.3, 0.2], [0.3, 0.3, 1.7], (13, 3))

    def at(t_ns):
        sway = 0.15 * np.sin(4.0 * np.asarray(t_ns) * 1e-9)
        return still + sway[..., None, None] * np.array([1.0, 0.5, 0.0])

    streams = {}
    for name, camera in rig.cameras.items():
        count = int(60_000 * SECONDS)
        events = np.zeros(count, EVENT_DTYPE)
        events["t"] = np.sort(rng.integers(int(SECONDS * 1e6), size=count)) * 1000
        joint = rng.integers(13, size=count)
        seen = camera.project(at(events["t"]))[np.arange(count), joint]
        seen = np.round(seen + rng.normal(0, NOISE_PX, (count, 2)))
        events["x"] = np.clip(seen[:, 0], 0, camera.width - 1)
        events["y"] = np.clip(seen[:, 1], 0, camera.height - 1)
        events["p"] = rng.integers(0, 2, count)
        streams[name] = events
    t_ns = np.arange(0, int(SECONDS * 1e9) + 1, 10_000_000)
    return streams, t_ns, at(t_ns)


@pytest.fixture(scope="session")
def make_recording(tmp_path_factory, rig, swaying):
    """make_recording(name, cuts, **wrong): a bag whose packets end at cuts(camera) (ns)."""
    from hybrid_pose_ros.data.bag_writer import BagWriter
    from hybrid_pose_ros.data.cdr import build_event_packet
    from hybrid_pose_ros.data.typestore import EVENT_PACKET, SKELETON_3D, header
    from hybrid_pose_ros.events.encoder import encode_evt3

    streams, truth_ns, truth = swaying
    folder = tmp_path_factory.mktemp("recordings")

    def packets(camera, ends_ns, width, height, encoding):
        events, begin = streams[camera], 0
        for seq, end_ns in enumerate(ends_ns):
            end = int(np.searchsorted(events["t"], end_ns))
            raw = build_event_packet(
                encode_evt3(events[begin:end], int(end_ns)),
                stamp_ns=START + int(end_ns),
                frame_id=f"{camera}_optical_frame",
                width=width,
                height=height,
                seq=seq,
                encoding=encoding,
            )
            begin = end
            yield START + int(end_ns), f"/{camera}/events", raw

    def make(name, cuts, width=346, height=260, encoding="evt3", cameras=CAMERAS, truth=truth):
        rows = [r for c in cameras for r in packets(c, cuts(c), width, height, encoding)]
        with BagWriter(folder / name) as bag:
            for camera in cameras:
                bag.add_topic(f"/{camera}/events", EVENT_PACKET)
            for t_ns, topic, raw in sorted(rows, key=lambda row: row[0]):
                bag.write(topic, raw, t_ns)
            if truth is not None:
                bag.add_topic("/ground_truth/skeleton", SKELETON_3D)
                for t_ns, xyz in zip(START + truth_ns, truth, strict=True):
                    message = {
                        "header": header(int(t_ns), "world"),
                        "position": xyz.astype(np.float32).ravel(),
                        "velocity": np.zeros(39, np.float32),
                        "covariance": np.zeros(117, np.float32),
                        "confidence": np.ones(13, np.float32),
                        "views": np.full(13, 2, np.uint8),
                        "reprojection_error": np.zeros(13, np.float32),
                    }
                    bag.write("/ground_truth/skeleton", message, int(t_ns))
        return folder / name

    return make


def every_5_ms(camera):
    """The cuts of a simulated recording."""
    return np.arange(1, int(SECONDS * 200) + 1) * 5_000_000


@pytest.fixture(scope="session")
def recording(make_recording):
    """Two cameras, packets of 5 ms, ground truth."""
    return make_recording("plain", every_5_ms)


@pytest.fixture
def hybrid_pose():
    """Run the command line to its end; returns (status, output, errors)."""

    def run(*arguments, timeout_s=120):
        done = subprocess.run(
            hybrid_pose_command(*arguments),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture(scope="session")
def command():
    return hybrid_pose_command


def hybrid_pose_command(*arguments):
    """The command line, as the console script runs it."""
    return [sys.executable, "-P", "-m", "hybrid_pose_ros.cli.main", *map(str, arguments)]


@pytest.fixture(scope="session")
def cuts():
    return every_5_ms


@pytest.fixture(scope="session")
def shared():
    """Where recordings of real cameras lie, if they are here."""
    beside = Path(__file__).resolve().parents[2].parent / "shared"
    return Path(os.environ.get("HYBRID_POSE_SHARED", beside))
