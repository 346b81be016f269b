"""Events in, keyframes out: runs the CNN when a keyframe is due on a camera's clock, or wanted."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.events.representation import keyframe_input
from hybrid_pose_ros.events.types import DecodedPacket
from hybrid_pose_ros.models.checkpoint import fingerprint
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.pose.heatmap import decode_heatmaps
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.runtime.event_stream import EventStream
from hybrid_pose_ros.runtime.keyframe_engine import make_keyframe_engine
from hybrid_pose_ros.runtime.keyframe_schedule import FixedSchedule, RequestSchedule, Schedule
from hybrid_pose_ros.runtime.records import Keyframe
from hybrid_pose_ros.runtime.state_transport import pack


class KeyframeStage:
    """The CNN side of the estimator, for any number of cameras.

    What it answers depends on the events alone, never on how they were cut into packets or when
    they came - unless `skip_overrun` is set and the CNN cannot keep up: then it skips to the newest
    keyframe that is due, and counts the skipped ones. With keyframes on demand it answers requests.
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
        self.covariance_scale = model.covariance_scale
        self.engine = make_keyframe_engine(model, device, engine, threads)
        self.config = config
        self.skip_overrun = skip_overrun
        self._watch(crops)

    def _watch(self, crops: Mapping[str, Crop]) -> None:
        config = self.config
        horizon_ns = config.window_ns + max(config.keyframe_ns, config.on_demand * config.memory_ns)
        self.crops = dict(crops)
        self._streams = {c: EventStream(horizon_ns, config.reorder_ns) for c in self.crops}
        self._schedules = {camera: self._schedule() for camera in self.crops}
        self._made: Counter[str] = Counter()

    def _schedule(self) -> Schedule:
        config = self.config
        fixed = FixedSchedule(config.keyframe_ns, self.skip_overrun)
        if not config.on_demand:
            return fixed
        return RequestSchedule(fixed, config.policy.silence_ns, config.memory_ns)

    def twin(
        self, crops: Mapping[str, Crop], config: EstimatorConfig | None = None
    ) -> KeyframeStage:
        """Another stage for other cameras, on the same engine; by default with the same timing."""
        other = copy.copy(self)
        other.config = config or self.config
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
            self._schedules[camera].restart()

    def request(self, camera: str, t_ns: int) -> None:
        """Ask for a keyframe that describes time t_ns; `next_keyframe` computes it."""
        self._schedules[camera].request(t_ns)

    def next_keyframe(self, camera: str) -> Keyframe | None:
        """The oldest keyframe that is due and complete, or None."""
        stream = self._streams[camera]
        if stream.start_ns is None:
            return None
        t_ns = self._schedules[camera].next_ns(stream.start_ns, stream.watermark_ns)
        return None if t_ns is None else self.keyframe_at(camera, t_ns)

    def keyframe_at(self, camera: str, t_ns: int) -> Keyframe:
        """The keyframe of a time up to which the events have come, whoever wants it."""
        self._made[camera] += 1
        config, crop, network = self.config, self.crops[camera], self.network
        number, buffer = t_ns // config.number_ns, self._streams[camera].buffer
        counts = keyframe_input(
            buffer.window(t_ns - config.window_ns, t_ns), crop,
            network.input_size, network.keyframe_bins, config.window_events, t_ns,
        )  # fmt: skip
        # One camera at a time: a batch could round differently, and live must equal offline.
        heatmaps, parts = self.engine.run(counts)
        keypoints = decode_heatmaps(heatmaps, crop, network.preset, self.covariance_scale)
        return Keyframe(camera, number, t_ns, keypoints, pack(heatmaps, parts), self.model_id)

    def counters(self, camera: str) -> dict[str, int]:
        """Keyframes made, skipped and asked for, and what the event buffer saw and refused."""
        scheduled, seen = self._schedules[camera].counters, self._streams[camera].counters
        return {"keyframes": self._made[camera], **scheduled, **seen}
