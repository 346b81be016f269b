"""Events and keyframes in, pose updates out: runs the SNN once per bin of a camera's event clock.

A keyframe for time t arrives when the SNN has already gone on. The bins since then are kept: the
SNN starts again from the keyframe's states at t, runs those bins once more and goes on. Until a
keyframe comes, updates continue from the previous one. A network that `carries` keeps something of
its own pose at t, wherever it is by now.

With keyframes on demand `take_requests` says for which times one is wanted.

A network without a CNN starts from zero states, and its own pose at the times when keyframes are
due is what its updates refer to: `take_keyframes` hands these out.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.events.representation import count_histogram
from hybrid_pose_ros.events.types import DecodedPacket
from hybrid_pose_ros.models.checkpoint import fingerprint
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.pose.heatmap import decode_heatmaps
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.runtime.bin_history import BinHistory
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.runtime.engine import StepResult, Stream, make_engine
from hybrid_pose_ros.runtime.event_stream import EventStream
from hybrid_pose_ros.runtime.keyframe_policy import KeyframePolicy
from hybrid_pose_ros.runtime.records import Keyframe, Update
from hybrid_pose_ros.runtime.state_transport import unpack


@dataclass
class _Camera:
    """Everything that is remembered of one camera."""

    events: EventStream
    network: Stream
    history: BinHistory
    next_bin: int | None = None
    keyframe: Keyframe | None = None
    waiting: list[tuple[int, Keyframe]] = field(default_factory=list)  # (bin to apply before, it)
    own: list[Keyframe] = field(default_factory=list)  # of a network without a CNN
    policy: KeyframePolicy | None = None
    counters: Counter[str] = field(default_factory=Counter)


class UpdateStage:
    """The SNN side of the estimator, for any number of cameras.

    The pose for a given keyframe and bin depends on the events and that keyframe alone; of a
    network that `carries` also on the keyframes before. When they came makes no difference.
    """

    def __init__(
        self,
        model: PoseNetwork,
        crops: Mapping[str, Crop],
        config: EstimatorConfig,
        device: str = "cpu",
        engine: str = "auto",
        threads: int = 1,
    ) -> None:
        self.model = model
        self.model_id = fingerprint(model)
        self.config = config
        # One stream more than there are cameras: for a twin.
        self.engine = make_engine(model, device, engine, threads, len(crops) + 1)
        self._watch(crops)

    def _watch(self, crops: Mapping[str, Crop]) -> None:
        self.crops = dict(crops)
        self._cameras = {camera: self._fresh(crop) for camera, crop in self.crops.items()}

    def twin(self, crops: Mapping[str, Crop], config: EstimatorConfig | None = None) -> UpdateStage:
        """Another stage for other cameras, on the same engine; by default with the same timing."""
        other = copy.copy(self)
        other.config = config or self.config
        other._watch(crops)
        return other

    def _fresh(self, crop: Crop) -> _Camera:
        earlier = self.model.delays[-1]
        horizon_ns = 4 * self.config.keyframe_ns + earlier * self.config.bin_ns
        history = BinHistory(self.config.max_delay_bins, earlier)
        events = EventStream(horizon_ns, self.config.reorder_ns)
        camera = _Camera(events, self.engine.new_stream(), history)
        if self.config.on_demand and self.model.has_keyframe:
            policy = self.config.policy
            camera.policy = KeyframePolicy(policy, crop.width, self.config.keyframe_ns)
        return camera

    def add_packet(self, camera: str, packet: DecodedPacket) -> list[Update]:
        """Take one packet of a camera; the updates of the bins that it completes, oldest first."""
        self.buffer_packet(camera, packet)
        updates: list[Update] = []
        while (found := self.next_bin(camera)) is not None:
            updates += found
        return updates

    def buffer_packet(self, camera: str, packet: DecodedPacket) -> None:
        """Only take the packet; `next_bin` computes."""
        state = self._cameras[camera]
        if state.events.add(packet):
            state.history.clear()
            state.waiting.clear()
            state.next_bin = state.keyframe = None
            if state.policy is not None:
                state.policy.restart()
            if not self.model.has_keyframe:
                state.network.load(*self.nothing())

    def next_bin(self, camera: str) -> list[Update] | None:
        """Run the next bin if it is complete: its update, if there is one. None if it is not."""
        state = self._cameras[camera]
        if state.events.start_ns is None:
            return None
        if state.next_bin is None:
            state.next_bin = state.events.start_ns // self.config.bin_ns
        if (state.next_bin + 1) * self.config.bin_ns > state.events.watermark_ns:
            return None
        update = self._advance(camera, state)
        if state.policy is not None:
            pose = None if update is None else update.keypoints
            state.policy.look(state.next_bin * self.config.bin_ns, state.keyframe, pose)
        return [] if update is None else [update]

    def take_requests(self, camera: str) -> list[int]:
        """Times for which keyframes have been wanted since the last call; none at a fixed rate."""
        state = self._cameras[camera]
        wanted = [] if state.policy is None else state.policy.take()
        if wanted:
            state.counters["requests"] += len(wanted)
        return wanted

    def add_keyframe(self, camera: str, keyframe: Keyframe, delay_bins: int = 0) -> None:
        """Take a keyframe; the next updates start from it.

        Args:
            delay_bins: let it come into force only so many bins after its time, as if the CNN had
                taken that long (offline inference); 0 = at once.
        """
        state = self._cameras[camera]
        if keyframe.model_id != self.model_id:
            state.counters["other_model"] += 1
            return
        start = keyframe.t_ns // self.config.bin_ns + delay_bins
        if state.next_bin is None or start > state.next_bin:
            state.waiting.append((start, keyframe))
        else:
            self._restart_from(camera, state, keyframe)

    def nothing(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """Flat heatmaps and states of zero: how a network without a CNN begins."""
        network, side = self.model.config, self.model.config.heatmap_size
        heatmaps = np.zeros((network.joints, side, side), np.float32)
        return heatmaps, [np.zeros(shape, np.float32) for shape in self.model.state_shapes()]

    def take_keyframes(self, camera: str) -> list[Keyframe]:
        """Those that a network without a CNN has made since the last call; otherwise none."""
        state = self._cameras[camera]
        own, state.own = state.own, []
        return own

    def counters(self, camera: str) -> dict[str, int]:
        """Bins done, keyframes used and refused by reason, and what the event buffer counted."""
        state = self._cameras[camera]
        return {**state.counters, **state.events.counters}

    def _advance(self, camera: str, state: _Camera) -> Update | None:
        """Run the next bin."""
        index = state.next_bin
        assert index is not None
        due = [keyframe for start, keyframe in state.waiting if start <= index]
        state.waiting = [item for item in state.waiting if item[0] > index]
        for keyframe in due:
            self._restart_from(camera, state, keyframe)
        t0_ns = index * self.config.bin_ns
        t1_ns = t0_ns + self.config.bin_ns
        counts = count_histogram(
            state.events.buffer.window(t0_ns, t1_ns), self.crops[camera],
            self.model.config.input_size, 1, t0_ns, t1_ns,
        )  # fmt: skip
        state.history.add(index, counts)
        state.next_bin = index + 1
        state.counters["bins"] += 1
        if state.keyframe is None and self.model.has_keyframe:
            return None
        result = self._step(state, counts, index)
        keypoints = decode_heatmaps(
            result.heatmaps, self.crops[camera], self.model.config.preset,
            self.model.covariance_scale, self.model.ahead(result.velocity),
        )  # fmt: skip
        before = state.keyframe
        if not self.model.has_keyframe and t1_ns % self.config.keyframe_ns == 0:
            number = t1_ns // self.config.keyframe_ns
            state.keyframe = Keyframe(camera, number, t1_ns, keypoints, b"", self.model_id)
            state.own.append(state.keyframe)
            state.counters["keyframes"] += 1
        return None if before is None else self._update(camera, before, t1_ns, keypoints, result)

    def _update(
        self, camera: str, keyframe: Keyframe, t_ns: int, keypoints: Keypoints, result: StepResult
    ) -> Update:
        step = (t_ns - keyframe.t_ns) // self.config.bin_ns
        return Update(
            camera, keyframe.number, step, t_ns, keyframe.keypoints.uv, keypoints,
            result.spikes / max(1, self.engine.neurons), result.synaptic_operations,
        )  # fmt: skip

    def _restart_from(self, camera: str, state: _Camera, keyframe: Keyframe) -> None:
        """Load a keyframe's states and run the bins since its time again (catch-up)."""
        if state.keyframe is not None and keyframe.number <= state.keyframe.number:
            state.counters["keyframes_outdated"] += 1
            return
        first = keyframe.t_ns // self.config.bin_ns
        bins = state.history.since(first, state.next_bin or 0)
        if bins is None:
            state.counters["keyframes_too_late"] += 1
            return
        try:
            logits, states = unpack(keyframe.state, self.model)
        except ValueError:
            state.counters["keyframes_torn"] += 1
            return
        before = state.history.known_before(first) if self.model.carries else None
        if before is not None:
            logits, states = self._joined(logits, states, before)
        state.network.load(logits, states, state.history.until(first))
        for index, counts in bins:
            self._step(state, counts, index)
        state.keyframe = keyframe
        state.counters["keyframes"] += 1
        state.counters["catch_up_bins"] += len(bins)

    def _step(self, state: _Camera, counts: np.ndarray, index: int) -> StepResult:
        result = state.network.step(counts)
        if self.model.carries:
            state.history.know(index, result)
        return result

    def _joined(
        self, logits: np.ndarray, states: list[np.ndarray], before: StepResult
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """A keyframe's heatmaps and states, joined with what was known at its time."""
        heatmaps, velocity = before.heatmaps, before.velocity
        assert velocity is not None, "networks that carry have velocities"
        given = [torch.from_numpy(np.ascontiguousarray(a))[None] for a in (logits, *states)]
        known = [torch.from_numpy(array)[None] for array in (heatmaps, velocity)]
        with torch.inference_mode():
            joined, changed = self.model.joined(given[0], given[1:], *known)
        return joined[0].numpy(), [state[0].numpy() for state in changed]
