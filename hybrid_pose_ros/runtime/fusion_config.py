"""Settings of the fusion, with their units and ranges."""

from __future__ import annotations

from dataclasses import dataclass

from hybrid_pose_ros.errors import ConfigError


@dataclass(frozen=True)
class FusionConfig:
    """Settings of the fusion.

    Attributes:
        period_ns: distance of the output times.
        live_periods: a camera this many periods behind the newest is not waited for.
        timeout_ns: what waits is given out when no camera delivers for so long.
        min_confidence: joints of a camera below it count as not seen.
        pixel_noise_px: standard deviation added to every pixel for what a heatmap cannot know:
            errors of calibration and of joint definition.
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
    min_confidence: float = 0.1
    pixel_noise_px: float = 2.0
    accel_noise: float = 60.0
    velocity_decay_s: float = 0.3
    gate: float = 25.0
    reopen_after: int = 8
    max_std_m: float = 0.35
    half_std_m: float = 0.2
    hold_ns: int = 1_000_000_000

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name == "min_confidence":
                if not 0.0 <= value < 1.0:
                    raise ConfigError(f"min_confidence must be >= 0 and < 1, got {value}")
            elif name == "pixel_noise_px":
                if not 0.0 <= value < float("inf"):
                    raise ConfigError(f"pixel_noise_px must be >= 0, got {value}")
            elif not 0 < value < float("inf"):
                raise ConfigError(f"{name} must be greater than 0, got {value}")
