"""Settings of the fusion, with their units and ranges."""

from __future__ import annotations

from dataclasses import dataclass

from hybrid_pose_ros.errors import ConfigError

# Half-open ranges of those that may be 0; every other setting must be greater than 0.
_FROM_ZERO = {
    "min_confidence": 1.0,
    "pixel_noise_px": float("inf"),
    "correlated_share": 1.0,
}


@dataclass(frozen=True)
class FusionConfig:
    """Settings of the fusion.

    Attributes:
        period_ns: distance of the output times.
        live_periods: a camera this many periods behind the newest is not waited for.
        timeout_ns: what waits is given out when no camera delivers for so long.
        horizon_ns: a pose that comes later than this after newer ones is lost.
        min_confidence: joints of a camera below it count as not seen.
        pixel_noise_px: standard deviation added to every pixel for what a heatmap cannot know:
            errors of calibration and of joint definition.
        correlated_share: part of a pixel's variance that stays from pose to pose.
        correlation_s: time in which that part falls to 37 %.
        accel_noise: random acceleration of a joint, m/s^2, drawn anew every 10 ms. Higher follows
            faster limbs, lower is smoother.
        velocity_decay_s: an unseen velocity falls to 37 % in this time.
        gate: largest squared Mahalanobis distance of a joint's pixel from its prediction.
        reopen_after: rejections in a row after which a joint is looked for elsewhere.
        max_std_m: bound of a joint's standard deviation in any direction.
        half_std_m: standard deviation at which confidence is half of what the cameras say.
        hold_ns: a joint that no camera has confirmed for so long is missing.
    """

    period_ns: int = 10_000_000
    live_periods: int = 5
    timeout_ns: int = 200_000_000
    horizon_ns: int = 400_000_000
    min_confidence: float = 0.1
    pixel_noise_px: float = 2.0
    correlated_share: float = 0.8
    correlation_s: float = 0.06
    accel_noise: float = 60.0
    velocity_decay_s: float = 0.3
    gate: float = 20.0
    reopen_after: int = 8
    max_std_m: float = 0.35
    half_std_m: float = 0.2
    hold_ns: int = 1_000_000_000

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name in _FROM_ZERO:
                limit = _FROM_ZERO[name]
                if not 0.0 <= value < limit:
                    below = f" and < {limit:g}" if limit < float("inf") else ""
                    raise ConfigError(f"{name} must be >= 0{below}, got {value}")
            elif not 0 < value < float("inf"):
                raise ConfigError(f"{name} must be greater than 0, got {value}")
