"""How a keyframe's heatmaps and states travel from the CNN to the SNN: half-precision bytes.

Both ends know every shape from the weights, so that the bytes carry nothing else. Half precision is
part of the definition: live and offline start from the same rounded numbers. On one machine the
bytes lie in shared memory and the message has a handle; otherwise they are in the message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.runtime import state_ring

if TYPE_CHECKING:  # the fusion and the recorder read messages too, and start without PyTorch
    from hybrid_pose_ros.models.network import PoseNetwork

# How Pose2D.state travels, see msg/Pose2D.msg.
SHARED_MEMORY, INLINE, STRIPPED = "shared_memory", "inline", "none"
CHOICES = ("auto", SHARED_MEMORY, INLINE)


class StateSender:
    """The CNN's end: puts packed states where the SNN can fetch them.

    Args:
        kind: one of CHOICES; "auto" is shared memory where this machine has it.

    Raises:
        ConfigError: unknown kind, or no shared memory here.
    """

    def __init__(self, kind: str = "auto") -> None:
        if kind not in CHOICES:
            raise ConfigError(f"state_transport must be one of {', '.join(CHOICES)}, got {kind!r}")
        if kind == SHARED_MEMORY and not state_ring.available():
            raise ConfigError(
                f"state_transport {kind!r} needs {state_ring.FOLDER}, which cannot be written to "
                f"here; use {INLINE!r}"
            )
        self._shared = kind == SHARED_MEMORY or (kind == "auto" and state_ring.available())
        self._rings: dict[str, state_ring.StateRing] = {}

    def send(self, camera: str, states: bytes) -> tuple[str, bytes]:
        """How the states of one keyframe travel, and what the message carries."""
        if not states:
            return STRIPPED, b""
        if not self._shared:
            return INLINE, states
        if camera not in self._rings:
            self._rings[camera] = state_ring.StateRing()
        return SHARED_MEMORY, self._rings[camera].put(states)

    def close(self) -> None:
        """Give the shared memory back."""
        for ring in self._rings.values():
            ring.close()
        self._rings.clear()


class StateReceiver:
    """The SNN's end, for any number of cameras."""

    def __init__(self) -> None:
        self._readers: dict[str, state_ring.StateReader] = {}

    def receive(self, camera: str, transport: str, carried: bytes) -> bytes:
        """The packed states; empty if there are none, or they are lost or out of reach."""
        if transport == INLINE:
            return carried
        if transport != SHARED_MEMORY:
            return b""
        reader = self._readers.setdefault(camera, state_ring.StateReader())
        return reader.get(carried) or b""

    def close(self) -> None:
        """Let go of the senders' memory."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()


def pack(heatmaps: np.ndarray, parts: list[np.ndarray]) -> bytes:
    """Heatmaps (J, h, w) and a keyframe's parts (C, H, W), however they lie in memory, to bytes.

    What half precision cannot hold becomes its largest number.
    """
    import torch

    # PyTorch rounds like numpy, but many numbers at a time. Halves first: they are reordered (a
    # network's maps are channels-last) and joined at half the price.
    limit = float(np.finfo(np.float16).max)
    halves = (torch.from_numpy(p).half().clamp_(-limit, limit) for p in (heatmaps, *parts))
    return b"".join(half.numpy().tobytes() for half in halves)


def unpack(data: bytes | memoryview, model: PoseNetwork) -> tuple[np.ndarray, list[np.ndarray]]:
    """Inverse of `pack`: float32 heatmaps and all states of `model`; equal ones share memory.

    Raises:
        ValueError: the bytes are not of this network's size.
    """
    side, sources, states = model.config.heatmap_size, model.keyframe_parts(), model.state_shapes()
    parts = dict(zip(sources, states, strict=True))  # number -> shape, in the order of numbers
    parts.pop(None, None)
    shapes = [(model.config.joints, side, side), *parts.values()]
    sizes = [int(np.prod(shape)) for shape in shapes]
    if len(data) != 2 * sum(sizes):
        raise ValueError(f"states have {len(data)} bytes, this network's {2 * sum(sizes)}")
    import torch

    numbers = torch.frombuffer(bytearray(data), dtype=torch.float16).float().numpy()
    split = np.split(numbers, np.cumsum(sizes)[:-1])
    arrays = [part.reshape(shape) for part, shape in zip(split, shapes, strict=True)]
    return arrays[0], [
        np.zeros(shape, np.float32) if source is None else arrays[1 + source]
        for source, shape in zip(sources, states, strict=True)
    ]
