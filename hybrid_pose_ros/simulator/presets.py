"""Event sensors by name, and the DHP19 rig as such sensors would have seen it.

Numbers of pixels are the makers'. Of the behaviour, makers publish little (Prophesee's and Sony's
sheets are for customers only), and it follows the bias settings more than the sensor: thresholds
and times of all but the DAVIS346 are judgement, at usual settings, in the order that is agreed on:
Prophesee's pixels are faster than Samsung's, and those faster than the DAVIS's. Noise is the
DAVIS346's throughout; `with_noise` sets another. See docs/simulator.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.rig import Rig, load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.simulator.sensor import DAVIS346, SensorModel


@dataclass(frozen=True)
class Preset:
    """One kind of sensor: pixels and behaviour."""

    width: int
    height: int
    model: SensorModel


# A contrast of 25 %, as Prophesee defines contrast: (most - least) / least light.
_QUARTER = math.log(1.25)

PRESETS: dict[str, Preset] = {
    # Taverni et al., IEEE TCAS-II 2018. Settings: see SensorModel; shipped weights know them.
    "davis346": Preset(346, 260, DAVIS346),
    # Samsung's VGA sensor (Son et al., ISSCC 2017), whose readout column by column is not modelled.
    "dvxplorer": Preset(
        640,
        480,
        replace(
            DAVIS346,
            threshold_on=0.2,
            threshold_off=0.2,
            threshold_spread=0.035,
            time_constant_s=0.001,
            refractory_s=0.001,
        ),
    ),
    # Prophesee Gen3.1, in EVK1 to EVK3.
    "gen3_vga": Preset(
        640,
        480,
        replace(
            DAVIS346,
            threshold_on=0.18,
            threshold_off=0.18,
            threshold_spread=0.025,
            time_constant_s=0.0005,
            refractory_s=0.0003,
        ),
    ),
    # IMX636 (Finateu et al., ISSCC 2020).
    "evk4": Preset(
        1280,
        720,
        replace(
            DAVIS346,
            threshold_on=_QUARTER,
            threshold_off=_QUARTER,
            threshold_spread=0.03,
            time_constant_s=0.0004,
            refractory_s=0.0002,
        ),
    ),
}
DEFAULT = "davis346"


def find_preset(name: str) -> Preset:
    """The sensor of that name.

    Raises:
        ConfigError: there is none; the message lists what there is.
    """
    if name not in PRESETS:
        raise ConfigError(f"unknown sensor '{name}': use one of {', '.join(PRESETS)}")
    return PRESETS[name]


def with_noise(model: SensorModel, rate_hz: float) -> SensorModel:
    """The same sensor with that mean rate of noise events of a pixel.

    Raises:
        ConfigError: for a rate that no sensor has.
    """
    if not 0.0 <= rate_hz <= 100.0:
        raise ConfigError(f"noise must be 0 to 100 events per pixel and second, got {rate_hz}")
    return replace(model, noise_hz=rate_hz)


def rig_for(sensor: str | None, path: Path | None, names: list[str]) -> tuple[Rig, SensorModel]:
    """The cameras named, and the sensor that all of them have.

    Args:
        sensor: name of a preset; None for the default's behaviour at whatever size the rig has.
        path: rig file; None for the cameras of DHP19, with the sensor's pixels.
        names: cameras wanted.

    Raises:
        ConfigError: unknown sensor, or one that does not have the pixels of the rig.
        CalibrationError: the rig cannot be used.
    """
    preset = find_preset(sensor or DEFAULT)
    rig = load_rig(path or share_path("config", "dhp19_rig.yaml"), names)
    if path is None:
        cameras = {n: fitted(c, preset.width, preset.height) for n, c in rig.cameras.items()}
        return replace(rig, cameras=cameras), preset.model
    for name, camera in rig.cameras.items():
        if sensor is not None and (camera.width, camera.height) != (preset.width, preset.height):
            raise ConfigError(
                f"{name} of {path} has {camera.width} x {camera.height} pixels but the {sensor} "
                f"has {preset.width} x {preset.height}; leave --sensor away or correct the rig"
            )
    return rig, preset.model


def fitted(camera: Camera, width: int, height: int) -> Camera:
    """The same camera with another number of pixels: its whole view, in the middle of them."""
    if (camera.width, camera.height) == (width, height):
        return camera
    scale = min(width / camera.width, height / camera.height)
    new, old = np.array([width, height]), np.array([camera.width, camera.height])
    shift = 0.5 * (new - 1) - scale * 0.5 * (old - 1)
    change = np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]], [0.0, 0.0, 1.0]])
    side = min(round(scale * camera.crop.width), width, height)
    x, y = (
        int(np.clip(round(scale * first + move), 0, limit - side))
        for first, move, limit in zip((camera.crop.x, camera.crop.y), shift, new, strict=True)
    )
    return replace(
        camera,
        width=width,
        height=height,
        projection=change @ camera.projection,
        crop=Crop(x, y, side, side),
    )
