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
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.runtime.keyframe_stage import KeyframeStage
from hybrid_pose_ros.runtime.records import Keyframe
from hybrid_pose_ros.runtime.state_transport import pack
from hybrid_pose_ros.runtime.update_stage import UpdateStage
from hybrid_pose_ros.skeleton import NUM_JOINTS

# What drivers send.
_ENCODINGS = ("evt3", "libcaer", "libcaer_cmp", "mono", "trigger", "dvs")
_NOWHERE = Keypoints(
    np.zeros((NUM_JOINTS, 2), np.float32),
    np.zeros((NUM_JOINTS, 3), np.float32),
    np.zeros(NUM_JOINTS, np.float32),
)
_CROPS = {"warm-up": Crop(0, 0, 64, 64)}


def warm_up_inputs() -> None:
    """The decoders of all messages, and the filters: without a cache, the slowest of all."""
    for encoding in _ENCODINGS:
        PacketDecoder(encoding, 64, 64)
    filters.warm_up()


def warm_up_keyframes(stage: KeyframeStage) -> list[Keyframe]:
    """Decoders and the CNN side, on the stage's own engine; what it computed of nonsense."""
    warm_up_inputs()
    return stage.twin(_CROPS).add_packet("warm-up", _packet(0, stage.config.keyframe_ns))


def warm_up_updates(stage: UpdateStage) -> int:
    """Decoders and the other side, on the stage's own engine; the number of updates computed."""
    warm_up_inputs()
    twin, config, end_ns = stage.twin(_CROPS), stage.config, stage.config.keyframe_ns
    twin.add_packet("warm-up", _packet(0, end_ns))
    if stage.model.has_keyframe:
        heatmaps, states = stage.nothing()
        packed = pack(heatmaps, stage.model.parts_of(states))
        twin.add_keyframe(
            "warm-up", Keyframe("warm-up", 1, end_ns, _NOWHERE, packed, stage.model_id)
        )
    return len(twin.add_packet("warm-up", _packet(end_ns, end_ns + 3 * config.bin_ns)))


def _packet(begin_ns: int, end_ns: int) -> DecodedPacket:
    events = empty_events(1000)
    events["t"] = np.linspace(begin_ns, end_ns - 1, len(events)).astype(np.int64)
    events["x"] = np.arange(len(events)) % 64
    events["y"] = np.arange(len(events)) // 16
    events["p"] = np.arange(len(events)) % 2
    return DecodedPacket(events, end_ns)
