"""One interface for every network: reset, keyframe, step (and rollout, many steps at once).

    reset(batch)     forget everything
    keyframe(x)      (B, 20, S, S) -> heatmaps (B, 13, h, w); sets states and output
    correct(x)       the same while the network goes on: what it knows already may be kept in part
    step(x)          (B, 2, S, S)  -> heatmaps (B, 13, h, w); one bin

A network without a CNN answers `keyframe` with what it last said; a CNN alone answers `step` by
holding its heatmaps or by running again. Inputs are event counts, float, >= 0. All arrays float32.
"""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from hybrid_pose_ros.models.config import NetworkConfig
from hybrid_pose_ros.models.macs import dense_macs
from hybrid_pose_ros.pose.covariance_scale import UNSCALED, CovarianceScale

State = TypeVar("State")
POLARITIES = 2
_SMALL = 32  # pixels; divisible as every network wants it


class PoseNetwork(nn.Module):
    """Base of the ten networks. A subclass fills in the methods that begin with an underscore.

    Attributes:
        kind: "cnn", "snn", "rnn", "hybrid_cnn_snn" or "hybrid_cnn_rnn".
        has_keyframe: a CNN answers `keyframe` with something new.
        has_step: a recurrent part answers `step` with something new.
        check_counts: refuse NaN, infinite and negative inputs (one pass over them; on a GPU a
            synchronisation, so that an engine may switch it off).
        output: heatmaps (B, J, h, w) of the last call; None before the first.
        recent: (bins, B, 2, S, S) the last bins, of networks with `delays`; None: nothing was seen.
        seen: (B, 2 D, S, S) the counts that the last step saw, those of all `delays`; or None.
        covariance_scale: of the covariances that are decoded from its heatmaps; fitted after
            training, kept in the header of the weights.
    """

    kind: ClassVar[str]
    has_keyframe: ClassVar[bool] = False
    has_step: ClassVar[bool] = False

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config: NetworkConfig = config
        self.check_counts = True
        self.output: Tensor | None = None
        self.recent: Tensor | None = None
        self.seen: Tensor | None = None
        self.covariance_scale: CovarianceScale = UNSCALED

    def reset(self, batch: int) -> None:
        """Forget everything: states and output become zero, for `batch` sequences."""
        if batch < 1:
            raise ValueError(f"the batch size must be >= 1, got {batch}")
        self.recent = None
        weight, side = next(self.parameters()), self.config.heatmap_size
        self.output = weight.new_zeros(batch, self.config.joints, side, side)
        self.set_states([weight.new_zeros(batch, *shape) for shape in self.state_shapes()])

    def keyframe(self, x: Tensor) -> Tensor:
        """(B, 20, S, S) counts -> heatmaps (B, 13, h, w); sets the states and the output.

        Bins that a CNN's network has seen before are forgotten; `see` tells it others.

        Raises:
            ValueError: wrong shape; NaN or negative counts; no CNN and no reset before.
        """
        self._check(x, self.config.keyframe_channels)
        if self.has_keyframe:
            self.output, self.recent = self._keyframe(x), None
        return self._started(x.shape[0])

    def correct(self, x: Tensor) -> Tensor:
        """A keyframe at the time of the last step; as `keyframe`, unless the network `carries`.

        Raises:
            ValueError: as `keyframe` and `step`.
        """
        recent = self.recent
        if not self.carries:
            heatmaps = self.keyframe(x)
        else:
            before, velocity = self._started(len(x)), self.states[-1]
            heatmaps, states = self.joined(self.keyframe(x), self.states, before, velocity)
            self.set_states(states)
        self.output, self.recent = heatmaps, recent
        return heatmaps

    @property
    def delays(self) -> tuple[int, ...]:
        """A step sees the bins that came so many bins ago; (0,): the present one alone."""
        return (0,)

    def see(self, x: Tensor) -> None:
        """Bins (T, B, 2, S, S) that came before the next step, the newest last; nothing is run.

        Networks without `delays` need none. What is missing counts as empty.
        """
        self.recent = None
        if self.delays[-1]:
            self.recent = self._whole(x)[-self.delays[-1] :]

    @property
    def carries(self) -> bool:
        """Whether `correct` keeps something of the last output and of the joints' velocities."""
        return False

    def joined(
        self, heatmaps: Tensor, states: list[Tensor], before: Tensor, velocity_before: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """Where a network that `carries` goes on from: what `correct` does to a keyframe.

        Args:
            heatmaps, states: what `keyframe` gave, (B, J, h, w) and as in `state_shapes`.
            before: (B, J, h, w) the output at the keyframe's time.
            velocity_before: (B, 2 J, 1, 1) the joints' velocities then, the last of the states.

        Returns:
            Heatmaps and states alike.
        """
        raise NotImplementedError

    def step(self, x: Tensor) -> Tensor:
        """(B, 2, S, S) counts of one bin -> heatmaps (B, 13, h, w).

        Raises:
            ValueError: wrong shape; NaN or negative counts; no reset or keyframe before; states or
                output of another batch size.
        """
        self._check(x, POLARITIES)
        return self._run(x[None])[0]

    def rollout(self, x: Tensor) -> Tensor:
        """(T, B, 2, S, S) counts of T bins -> heatmaps (T, B, 13, h, w), as T steps would.

        Raises:
            ValueError: as `step`.
        """
        self._check(x, POLARITIES, bins=True)
        return self._run(x)

    def state_shapes(self) -> list[tuple[int, int, int]]:
        """(C, H, W) of all that a keyframe initialises and a step changes, the output excepted."""
        raise NotImplementedError

    @property
    def states(self) -> list[Tensor]:
        """The states now, each (B, C, H, W), in the order of `state_shapes`."""
        raise NotImplementedError

    def set_states(self, states: list[Tensor]) -> None:
        """Go on from other states, each (B, C, H, W); `output` is set apart.

        Raises:
            ValueError: another number of states, or shapes that do not fit.
        """
        shapes = self.state_shapes()
        if len(states) != len(shapes):
            raise ValueError(f"expected {len(shapes)} states, got {len(states)}")
        batch = states[0].shape[0] if states else 0
        for i, (state, shape) in enumerate(zip(states, shapes, strict=True)):
            if tuple(state.shape) != (batch, *shape):
                expected = (batch, *shape)
                raise ValueError(f"state {i}: expected {expected}, got {tuple(state.shape)}")
        self._set_states(states)

    def keyframe_parts(self) -> list[int | None]:
        """How the states of a keyframe follow from its parts, which are all that has to travel.

        For each state the number of the part that it equals, None where it is zero; numbers in the
        order in which they first come. By default every state is a part.
        """
        return list(range(len(self.state_shapes())))

    def parts_of(self, states: list[State]) -> list[State]:
        """The parts of a keyframe's states, tensors or arrays."""
        sources = self.keyframe_parts()
        numbers = {source for source in sources if source is not None}
        return [states[sources.index(number)] for number in sorted(numbers)]

    @property
    def spikes(self) -> tuple[Tensor, ...]:
        """Spikes (B, C, H, W) of the last step, per layer; empty where nothing spikes."""
        return ()

    @property
    def velocity(self) -> np.ndarray | None:
        """(B, J, 2) cells per bin of the joints after the last step; None where there are none."""
        velocities: Tensor | None = getattr(self, "velocities", None)
        return None if velocities is None else velocities[-1].float().cpu().numpy()

    def ahead(self, velocity: np.ndarray | None) -> np.ndarray | None:
        """How far the joints are ahead of the heatmaps of a step, for `decode_heatmaps`.

        Args:
            velocity: (..., 2 J, 1, 1) or (..., J, 2) cells per bin after that step; None: unknown.

        Returns:
            (..., J, 2) cells; None where heatmaps are not behind.
        """
        lead = float(getattr(self.config, "lead", 0.0))
        if velocity is None or not lead:
            return None
        shape = velocity.shape[:-3] if velocity.shape[-1] == 1 else velocity.shape[:-2]
        return lead * velocity.reshape(*shape, -1, 2)

    def keyframe_modules(self) -> list[nn.Module]:
        """What only `keyframe` runs (CNN, state initialisers): engines may fold its batch norms."""
        return []

    @property
    def macs_per_keyframe(self) -> int:
        """Multiply-accumulates of one keyframe, state initialisers included."""
        return self._macs(self.config.keyframe_channels, "keyframe") if self.has_keyframe else 0

    @property
    def macs_per_step(self) -> int:
        """Multiply-accumulates of one step if every neuron fired (the dense count)."""
        return self._macs(POLARITIES, "step")

    def _keyframe(self, x: Tensor) -> Tensor:
        """Heatmaps of a checked input; sets the states."""
        raise NotImplementedError

    def _rollout(self, x: Tensor, output: Tensor) -> Tensor:
        """(T, B, 2 D, S, S) checked bins, each with those of the D `delays`, and the last output.

        Returns:
            (T, B, J, h, w); the states have moved.
        """
        raise NotImplementedError

    def _set_states(self, states: list[Tensor]) -> None:
        """Take over states of the right number and shapes."""
        raise NotImplementedError

    def _run(self, x: Tensor) -> Tensor:
        output = self._started(x.shape[1])
        if self.delays[-1]:
            whole, oldest = self._whole(x), self.delays[-1]
            self.recent = whole[-oldest:]
            x = torch.cat([whole[oldest - d :][: len(x)] for d in self.delays], 2)
        self.seen = x[-1]
        outputs = self._rollout(x, output)
        self.output = outputs[-1]
        return outputs

    def _whole(self, x: Tensor) -> Tensor:
        """Bins with the recent ones before them."""
        recent = self.recent
        if recent is None or recent.shape[1:] != x.shape[1:]:
            recent = x.new_zeros(self.delays[-1], *x.shape[1:])
        return torch.cat([recent, x])

    def _started(self, batch: int) -> Tensor:
        """The last output, if it and the states are of this batch size."""
        if self.output is None:
            first = "a keyframe or a reset" if self.has_keyframe else "a reset"
            raise ValueError(f"a {self.kind} needs {first} before it")
        for what, tensors in (("states", self.states), ("output", [self.output])):
            sizes = {tensor.shape[0] for tensor in tensors}
            if sizes - {batch}:
                raise ValueError(f"the {what} are of batch size {sizes.pop()}, the bins of {batch}")
        return self.output

    def _check(self, x: Tensor, channels: int, bins: bool = False) -> None:
        side, lead = self.config.input_size, "T, B" if bins else "B"
        expected = f"({lead}, {channels}, {side}, {side})"
        if x.ndim != 4 + bins or tuple(x.shape[-3:]) != (channels, side, side) or 0 in x.shape:
            raise ValueError(f"expected {expected}, got {tuple(x.shape)}")
        if self.check_counts:
            low, high = (float(value) for value in torch.aminmax(x))
            if not (low >= 0 and high < math.inf):  # false for NaN too
                raise ValueError(f"counts must be finite and >= 0, got {low} to {high}")

    def _macs(self, channels: int, call: str) -> int:
        """Counted on a small twin with arbitrary weights: convolutions grow with the area."""
        with torch.device("meta"):
            twin = type(self)(dataclasses.replace(self.config, input_size=_SMALL))
        twin.to_empty(device="cpu").reset(1)
        x = torch.zeros(1, channels, _SMALL, _SMALL)
        macs = dense_macs(twin, lambda: getattr(twin, call)(x))
        return macs * self.config.input_size**2 // _SMALL**2
