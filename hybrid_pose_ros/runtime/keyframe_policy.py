"""When the CNN is asked for a new keyframe: once the pose has probably drifted too far.

How far, in pixels, is told by what the updates say anyway: how much the joints have moved since the
keyframe, and how much confidence they have lost. A person who stands still needs few keyframes, one
who begins to move gets one soon.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.runtime.records import Keyframe

CROP_PX = 256  # pixels are those of a crop of this side, whatever the sensor
_MS = 1_000_000


@dataclass(frozen=True)
class PolicyConfig:
    """When a keyframe is asked for; benchmarks/keyframe_policy.py fits the two weights.

    Attributes:
        drift_px: ask when the expected drift reaches so many pixels of a 256 x 256 crop. Lower is
            more accurate and costs more keyframes.
        moved_weight: pixels of drift per pixel that the joints have moved, on average.
        unsure_px: pixels of drift per unit of confidence that they have lost, on average.
        min_interval_ms: never ask for two keyframes that are closer than this.
        max_interval_ms: always ask when the keyframe is so old.
        patience_ms: ask again when no answer has come for so long.
    """

    drift_px: float = 1.0
    moved_weight: float = 0.21
    unsure_px: float = 16.0
    min_interval_ms: int = 40
    max_interval_ms: int = 600
    patience_ms: int = 200

    def __post_init__(self) -> None:
        for name in ("drift_px", "moved_weight", "unsure_px"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be >= 0 and finite, got {value}")
        if not 0 < self.min_interval_ms <= self.max_interval_ms <= 10_000:
            raise ValueError(
                "0 < min_interval_ms <= max_interval_ms <= 10000 expected, got "
                f"{self.min_interval_ms} and {self.max_interval_ms}"
            )
        if not 0 < self.patience_ms <= 10_000:
            raise ValueError(f"patience_ms must be in 1..10000, got {self.patience_ms}")

    @property
    def silence_ns(self) -> int:
        """Nobody is asking if no request has come for so long."""
        return (self.max_interval_ms + 2 * self.patience_ms) * _MS


def expected_drift(
    keyframe: Keypoints, now: Keypoints, crop_width: int, config: PolicyConfig
) -> float:
    """By how many crop pixels a pose is probably worse than its keyframe was.

    Args:
        keyframe: what the CNN said, sensor pixels.
        now: what has become of it.
        crop_width: side of the crop, sensor pixels.
    """
    known = np.isfinite(keyframe.uv + now.uv).all(-1)
    moved = np.linalg.norm(now.uv[known] - keyframe.uv[known], axis=-1)
    moved_px = float(moved.mean()) * CROP_PX / crop_width if known.any() else 0.0
    lost = max(0.0, float((keyframe.confidence - now.confidence).mean()))
    return config.moved_weight * moved_px + config.unsure_px * lost


class KeyframePolicy:
    """One camera's requests. Looks at every bin, in order.

    Args:
        config: when to ask.
        crop_width: side of the crop, sensor pixels.
        fixed_ns: before the first keyframe, ask at multiples of this, as at a fixed rate.
    """

    def __init__(self, config: PolicyConfig, crop_width: int, fixed_ns: int) -> None:
        self._config, self._crop_width, self._fixed_ns = config, crop_width, fixed_ns
        self.restart()

    def restart(self) -> None:
        """Forget everything: the sensor's clock has jumped."""
        self._asked_ns = -1
        self._requests: list[int] = []

    def take(self) -> list[int]:
        """Times for which a keyframe was wanted since the last call."""
        taken, self._requests = self._requests, []
        return taken

    def look(self, t_ns: int, keyframe: Keyframe | None, now: Keypoints | None) -> None:
        """Note whether a keyframe is wanted that describes time t_ns.

        Args:
            t_ns: the end of the bin, sensor time.
            keyframe: what is in force.
            now: the pose at the end of the bin.
        """
        if keyframe is None or now is None:
            wanted = t_ns % self._fixed_ns == 0
        else:
            wanted = self._wants(t_ns, keyframe, now)
        if wanted:
            self._asked_ns = t_ns
            self._requests.append(t_ns)

    def _wants(self, t_ns: int, keyframe: Keyframe, now: Keypoints) -> bool:
        config, age_ns = self._config, t_ns - keyframe.t_ns
        waiting = keyframe.t_ns < self._asked_ns
        if waiting and t_ns - self._asked_ns < config.patience_ms * _MS:
            return False
        if age_ns < config.min_interval_ms * _MS:
            return False
        if age_ns >= config.max_interval_ms * _MS:
            return True
        drift = expected_drift(keyframe.keypoints, now, self._crop_width, config)
        return drift >= config.drift_px
