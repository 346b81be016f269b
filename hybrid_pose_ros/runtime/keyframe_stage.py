"""Events in, keyframes out: runs the CNN when a keyframe is due on a camera's event clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import torch

from hybrid_pose_ros.events.buffer import EventBuffer
from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.events.representation import keyframe_input
from hybrid_pose_ros.events.types import DecodedPacket
from hybrid_pose_ros.models.checkpoint import fingerprint
from hybrid_pose_ros.models.fold import folded
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.pose.heatmap import decode_heatmaps
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.runtime.event_stream import EventStream
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
    ) -> None:
        self.model_id = fingerprint(model)
        self.model = folded(model).to(device)
        self.crops = dict(crops)
        self.config = config
        self.device = device
        self.skip_overrun = skip_overrun
        self._streams = {
            camera: EventStream(config.window_ns + config.keyframe_ns, config.reorder_ns)
            for camera in self.crops
        }
        self._due: dict[str, int] = {}
        self._counters: dict[str, Counter[str]] = {camera: Counter() for camera in self.crops}

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

    @torch.inference_mode()
    def _compute(self, camera: str, number: int, buffer: EventBuffer) -> Keyframe:
        config, crop = self.config, self.crops[camera]
        t_ns = number * config.keyframe_ns
        network = self.model.config
        counts = keyframe_input(
            buffer.window(t_ns - config.window_ns, t_ns), crop,
            network.input_size, network.keyframe_bins, config.window_events, t_ns,
        )  # fmt: skip
        # One camera at a time: a batch could round differently, and live must equal offline.
        x = torch.from_numpy(counts)[None].contiguous(memory_format=torch.channels_last)
        logits = self.model.keyframe(x.to(self.device))[0].float().cpu().numpy()
        states = [state[0].float().cpu().numpy() for state in self.model.states]
        keypoints = decode_heatmaps(np.ascontiguousarray(logits), crop, network.preset)
        return Keyframe(camera, number, t_ns, keypoints, pack(logits, states), self.model_id)

    def counters(self, camera: str) -> dict[str, int]:
        """Keyframes made and skipped, and what the event buffer saw (restarts) and refused."""
        return {**self._counters[camera], **self._streams[camera].counters}
