"""The whole 2D estimator without ROS: both stages driven by one stream of packets.

Offline inference, evaluation and tests use it; the live nodes run the same two stages, each in its
own process. `delay_bins` says how late the CNN's answers come into force.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.events.types import DecodedPacket
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.runtime.keyframe_stage import KeyframeStage
from hybrid_pose_ros.runtime.records import Keyframe, Update
from hybrid_pose_ros.runtime.update_stage import UpdateStage


class Estimator:
    """Packets of any number of cameras in; keyframes and updates out."""

    def __init__(
        self,
        model: PoseNetwork,
        crops: Mapping[str, Crop],
        config: EstimatorConfig | None = None,
        device: str = "cpu",
        engine: str = "auto",
        delay_bins: int = 0,
        keyframe_engine: str = "auto",
    ) -> None:
        config = config or EstimatorConfig()
        if not 0 <= delay_bins < config.max_delay_bins:
            raise ValueError(
                f"delay_bins must be in 0..{config.max_delay_bins - 1}, got {delay_bins}"
            )
        # A network without a CNN makes keyframes of its own, see UpdateStage.
        self.config = config
        self.keyframes = None
        if model.has_keyframe:
            self.keyframes = KeyframeStage(model, crops, config, device, engine=keyframe_engine)
        self.updates = UpdateStage(model, crops, config, device, engine)
        self.delay_bins = delay_bins

    def twin(self, crops: Mapping[str, Crop], config: EstimatorConfig) -> Estimator:
        """Another estimator for other cameras with other timing, on the same engines."""
        other = copy.copy(self)
        other.config = config
        other.keyframes = self.keyframes and self.keyframes.twin(crops, config)
        other.updates = self.updates.twin(crops, config)
        return other

    def add_packet(self, camera: str, packet: DecodedPacket) -> tuple[list[Keyframe], list[Update]]:
        """Take one packet; what it completes, each oldest first."""
        if self.keyframes is not None and self.config.on_demand:
            return self._on_demand(camera, packet)
        keyframes = self.keyframes.add_packet(camera, packet) if self.keyframes else []
        for keyframe in keyframes:
            self.updates.add_keyframe(camera, keyframe, self.delay_bins)
        updates = self.updates.add_packet(camera, packet)
        return keyframes + self.updates.take_keyframes(camera), updates

    def _on_demand(self, camera: str, packet: DecodedPacket) -> tuple[list[Keyframe], list[Update]]:
        """Bin by bin: whether a keyframe is wanted depends on the pose before."""
        assert self.keyframes is not None
        self.keyframes.buffer_packet(camera, packet)
        self.updates.buffer_packet(camera, packet)
        keyframes: list[Keyframe] = []
        updates: list[Update] = []
        while (found := self.updates.next_bin(camera)) is not None:
            updates += found
            for t_ns in self.updates.take_requests(camera):
                keyframes.append(self.keyframes.keyframe_at(camera, t_ns))
                self.updates.add_keyframe(camera, keyframes[-1], self.delay_bins)
        return keyframes, updates
