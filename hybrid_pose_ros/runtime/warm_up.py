"""Runs everything once with made-up events, so that the first real packet is as fast as the rest.

Compiled kernels are loaded (the first time ever: compiled), and PyTorch allocates and chooses its
algorithms. A node that has subscribed is ready.
"""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.events import filters
from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.events.decoder import PacketDecoder
from hybrid_pose_ros.events.types import DecodedPacket, empty_events
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.runtime.keyframe_stage import KeyframeStage
from hybrid_pose_ros.runtime.records import Keyframe
from hybrid_pose_ros.runtime.update_stage import UpdateStage

# What drivers send.
_ENCODINGS = ("evt3", "libcaer", "libcaer_cmp", "mono", "trigger", "dvs")
_CROPS = {"warm-up": Crop(0, 0, 64, 64)}


def warm_up_inputs() -> None:
    """The decoders of all messages, and the filters: without a cache, the slowest of all."""
    for encoding in _ENCODINGS:
        PacketDecoder(encoding, 64, 64)
    filters.warm_up()


def warm_up_keyframes(model: PoseNetwork, config: EstimatorConfig, device: str) -> list[Keyframe]:
    """Decoders and the CNN side; returns what it computed of nonsense."""
    warm_up_inputs()
    if not model.has_keyframe:
        return []
    stage = KeyframeStage(model, _CROPS, config, device)
    return stage.add_packet("warm-up", _packet(0, config.keyframe_ns))


def warm_up_updates(model: PoseNetwork, config: EstimatorConfig, device: str) -> int:
    """Decoders and both sides; returns the number of updates computed."""
    stage = UpdateStage(model, _CROPS, config, device)
    end_ns = config.keyframe_ns
    stage.add_packet("warm-up", _packet(0, end_ns))
    for keyframe in warm_up_keyframes(model, config, device):
        stage.add_keyframe("warm-up", keyframe)
    return len(stage.add_packet("warm-up", _packet(end_ns, end_ns + 3 * config.bin_ns)))


def _packet(begin_ns: int, end_ns: int) -> DecodedPacket:
    events = empty_events(1000)
    events["t"] = np.linspace(begin_ns, end_ns - 1, len(events)).astype(np.int64)
    events["x"] = np.arange(len(events)) % 64
    events["y"] = np.arange(len(events)) // 16
    events["p"] = np.arange(len(events)) % 2
    return DecodedPacket(events, end_ns)
