"""Coordinate frames that know their parents, as TF tells them, and the way from one to another."""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.errors import CalibrationError


class FrameTree:
    """The latest transform of every frame to its parent."""

    def __init__(self) -> None:
        self._parents: dict[str, tuple[str, np.ndarray]] = {}

    def set(self, parent: str, child: str, pose: np.ndarray) -> None:
        """Say where a frame is: (4, 4) takes points of the child to the parent, metres.

        Raises:
            CalibrationError: a frame cannot be in itself, and a pose must be finite.
        """
        if parent == child or not np.isfinite(pose).all():
            raise CalibrationError(
                f"the transform of frame {child!r} in {parent!r} is none: {pose.tolist()}; correct "
                "who publishes it"
            )
        self._parents[child] = (parent, np.array(pose, np.float64))

    def pose_of(self, frame: str, world: str) -> np.ndarray:
        """Where a frame is in another one.

        Returns:
            (4, 4) taking points of `frame` to `world`, metres.

        Raises:
            CalibrationError: the frames are not connected, or in a circle.
        """
        one, other = self._to_root(frame), self._to_root(world)
        for common, pose in one.items():
            if common in other:
                return np.linalg.inv(other[common]) @ pose
        known = ", ".join(sorted({*self._parents, *(p for p, _ in self._parents.values())}))
        raise CalibrationError(
            f"TF does not connect the frames {world!r} and {frame!r}; it has {known or 'none'}. "
            f"Publish a static transform from {world!r} to {frame!r}"
        )

    def _to_root(self, frame: str) -> dict[str, np.ndarray]:
        """All frames above one, itself first, with the transforms (4, 4) to them."""
        chain, pose = {frame: np.eye(4)}, np.eye(4)
        while frame in self._parents:
            frame, step = self._parents[frame]
            if frame in chain:
                raise CalibrationError(
                    f"the frames {', '.join(chain)} are in a circle; correct who publishes them"
                )
            pose = step @ pose
            chain[frame] = pose
        return chain
