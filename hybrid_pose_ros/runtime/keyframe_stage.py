"""Events in, keyframes out: runs the CNN when a keyframe is due on a camera's event clock."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping

from hybrid_pose_ros.events.buffer import EventBuffer
from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.events.representation import keyframe_input
from hybrid_pose_ros.events.types import DecodedPacket
from hybrid_pose_ros.models.checkpoint import fingerprint
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.pose.heatmap import decode_heatmaps
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.runtime.event_stream import EventStream
from hybrid_pose_ros.runtime.keyframe_engine import make_keyframe_engine
from hybrid_pose_ros.runtime.records import Keyframe
from hybrid_pose_ros.runtime.state_transport import pack


class KeyframeStage:
    """The CNN side of the estimator, for any number of cameras.

    What it answers depends on the events alone, never on how they were cut into packets or when
    they came - unless `skip_overrun` is set and the CNN cannot keep up: then it skips to the newest
    keyframe that is due, and counts the skipped ones.
    """

    def __init__(
        self,
        model: PoseNetwork,
        crops: Mapping[str, Crop],
        config: EstimatorConfig,
        device: str = "cpu",
        skip_overrun: bool = False,
        engine: str = "auto",
        threads: int = 1,
    ) -> None:
        self.model_id = fingerprint(model)
        self.network = model.config
        self.engine = make_keyframe_engine(model, device, engine, threads)
        self.config = config
        self.skip_overrun = skip_overrun
        self._watch(crops)

    def _watch(self, crops: Mapping[str, Crop]) -> None:
        horizon_ns = self.config.window_ns + self.config.keyframe_ns
        self.crops = dict(crops)
        self._streams = {c: EventStream(horizon_ns, self.config.reorder_ns) for c in self.crops}
        self._due: dict[str, int] = {}
        self._counters: dict[str, Counter[str]] = {camera: Counter() for camera in self.crops}

    def twin(self, crops: Mapping[str, Crop]) -> KeyframeStage:
        """Another stage for other cameras, on the same engine."""
        other = copy.copy(self)
        other._watch(crops)
        return other

    def add_packet(self, camera: str, packet: DecodedPacket) -> list[Keyframe]:
        """Take one packet of a camera; the keyframes that it completes, oldest first."""
        self.buffer_packet(camera, packet)
        keyframes = []
        while (keyframe := self.next_keyframe(camera)) is not None:
            keyframes.append(keyframe)
        return keyframes

    def buffer_packet(self, camera: str, packet: DecodedPacket) -> None:
        """Only take the packet; `next_keyframe` computes. Not thread-safe: one thread at a time."""
        if self._streams[camera].add(packet):
            self._due.pop(camera, None)

    def next_keyframe(self, camera: str) -> Keyframe | None:
        """The oldest keyframe that is due and complete, or None."""
        stream, step = self._streams[camera], self.config.keyframe_ns
        if stream.start_ns is None:
            return None
        number = self._due.setdefault(camera, stream.start_ns // step + 1)
        newest = stream.watermark_ns // step
        if newest < number:
            return None
        if self.skip_overrun and newest > number:
            self._counters[camera]["skipped"] += newest - number
            number = newest
        self._due[camera] = number + 1
        self._counters[camera]["keyframes"] += 1
        return self._compute(camera, number, stream.buffer)

    def _compute(self, camera: str, number: int, buffer: EventBuffer) -> Keyframe:
        config, crop, network = self.config, self.crops[camera], self.network
        t_ns = number * config.keyframe_ns
        counts = keyframe_input(
            buffer.window(t_ns - config.window_ns, t_ns), crop,
            network.input_size, network.keyframe_bins, config.window_events, t_ns,
        )  # fmt: skip
        # One camera at a time: a batch could round differently, and live must equal offline.
        heatmaps, states = self.engine.run(counts)
        keypoints = decode_heatmaps(heatmaps, crop, network.preset)
        return Keyframe(camera, number, t_ns, keypoints, pack(heatmaps, states), self.model_id)

    def counters(self, camera: str) -> dict[str, int]:
        """Keyframes made and skipped, and what the event buffer saw (restarts) and refused."""
        return {**self._counters[camera], **self._streams[camera].counters}
