"""From a motion capture clip to what our body needs: directions of its bones and where it stands.

Lengths are the subject's: only directions, the turn of the head, and how high the feet are and
how far the body sways (in leg lengths) come from the file. The person stays on the spot, as on a
treadmill, and faces world -y: slow travel and slow turns are taken out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from hybrid_pose_ros.errors import MotionError
from hybrid_pose_ros.simulator.mocap.roles import Roles, find_roles
from hybrid_pose_ros.simulator.mocap.skeleton import Clip
from hybrid_pose_ros.simulator.vectors import unit

# Rows of `Track.ways`; pairs are right, left.
UP, LEFT, PELVIS_LEFT, HEAD_UP, HEAD_FRONT = range(5)
THIGH, SHANK, TOES, UPPER, FORE = (slice(k, k + 2) for k in range(5, 15, 2))
WAYS = 15
_TRAVEL_S = 0.5  # slower motion of the body over the floor is travel, and taken out
_TURN_S = 1.0  # the same for turns about the vertical
_LOWEST_SHARE = 0.2  # of the frames have that foot flat on the floor
_MOST_REST_LEAN = 0.3  # a rest pose that leans more is none that a person stands in


@dataclass(frozen=True)
class Track:
    """n frames.

    Attributes:
        rate_hz: frames per second.
        ways: (n, WAYS, 3) unit vectors in the world: x to the person's left, y back, z up.
        place: (n, 4) sway of the hips to x and y, their height above the floor, and the height of
            the lower foot above where it stands; in leg lengths.
    """

    rate_hz: float
    ways: np.ndarray
    place: np.ndarray


def make_track(clip: Clip) -> Track:
    """Read from a clip what our body needs.

    Raises:
        MotionError: a joint is missing, or the clip is too short.
    """
    if len(clip.points) < 2:
        raise MotionError(f"{clip.path} has {len(clip.points)} frames; at least 2 are needed")
    roles = find_roles(clip)
    base = _upright(clip, roles)
    points, yaw = _facing(clip.points @ base.T, roles, clip.rate_hz)
    pair = {role: points[:, list(index)] for role, index in roles.pairs.items()}
    hips, shoulders = pair["hip"].mean(axis=1), pair["shoulder"].mean(axis=1)
    ways = np.empty((len(points), WAYS, 3))
    ways[:, UP] = _straightened(shoulders - hips, pair["shoulder"], clip, roles)
    ways[:, LEFT] = pair["shoulder"][:, 1] - pair["shoulder"][:, 0]
    ways[:, PELVIS_LEFT] = pair["hip"][:, 1] - pair["hip"][:, 0]
    for rows, upper, lower in (
        (THIGH, "hip", "knee"),
        (SHANK, "knee", "ankle"),
        (UPPER, "shoulder", "elbow"),
        (FORE, "elbow", "wrist"),
    ):
        ways[:, rows] = pair[lower] - pair[upper]
    ways[:, TOES] = _levelled(pair["toe"] - pair["ankle"], ways[:, SHANK], pair["ankle"][..., 2])
    head = _turned_heading(base @ clip.frames[:, roles.head] @ _rest_axes(clip, roles), yaw)
    ways[:, HEAD_UP], ways[:, HEAD_FRONT] = head[..., 2], -head[..., 1]
    legs = np.linalg.norm(ways[:, THIGH], axis=-1) + np.linalg.norm(ways[:, SHANK], axis=-1)
    leg = float(np.median(legs))
    if not leg > 0.0:
        raise MotionError(f"{clip.path} has legs without length; its skeleton is broken")
    place = np.empty((len(points), 4))
    place[:, :2] = hips[:, :2] - _smooth(hips[:, :2], _TRAVEL_S * clip.rate_hz)
    floor, place[:, 3] = _stand(pair["ankle"][..., 2], pair["toe"][..., 2])
    place[:, 2] = hips[:, 2] - floor
    return Track(clip.rate_hz, unit(ways), place / leg)


def _smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Slow part of (n, k); straight travel stays straight at both ends."""
    n = len(values)
    line = values[:1] + (values[-1:] - values[:1]) * np.linspace(0.0, 1.0, n)[:, None]
    return line + gaussian_filter1d(values - line, sigma, axis=0, mode="nearest")


def _upright(clip: Clip, roles: Roles) -> np.ndarray:
    """(3, 3) rotation that takes the file's vertical axis to z; that axis is found in the motion.

    Files have y or z upwards; people have their head above their feet most of the time.
    """
    feet = clip.points[:, list(roles.pairs["ankle"])].mean(axis=1)
    tall = np.median(clip.points[:, roles.head] - feet, axis=0)
    axis = int(np.argmax(np.abs(tall)))
    up = np.sign(tall[axis]) * np.eye(3)[axis]
    right = np.eye(3)[(axis + 2) % 3]
    return np.stack([right, np.cross(up, right), up])


def _facing(points: np.ndarray, roles: Roles, rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Points turned about z so that the person faces -y on average, and the turns (n,) made."""
    across = sum(
        points[:, roles.pairs[r][1]] - points[:, roles.pairs[r][0]] for r in ("hip", "shoulder")
    )
    heading = np.unwrap(np.arctan2(across[:, 1], across[:, 0]))  # 0 when left is +x
    turns = -gaussian_filter1d(heading, _TURN_S * rate_hz, mode="nearest")
    return np.einsum("nij,nkj->nki", _about_z(turns), points), turns


def _about_z(angle: np.ndarray) -> np.ndarray:
    out = np.zeros((len(angle), 3, 3))
    out[:, 0, 0] = out[:, 1, 1] = np.cos(angle)
    out[:, 1, 0] = np.sin(angle)
    out[:, 0, 1] = -out[:, 1, 0]
    out[:, 2, 2] = 1.0
    return out


def _turned_heading(frames: np.ndarray, turns: np.ndarray) -> np.ndarray:
    return _about_z(turns) @ frames


def _rest_axes(clip: Clip, roles: Roles) -> np.ndarray:
    """(3, 3) in the file's axes, columns: left, back and up of the body in its rest pose."""
    rest = clip.rest
    hip, ankle = (rest[list(roles.pairs[r])] for r in ("hip", "ankle"))
    up = unit(hip.mean(axis=0) - ankle.mean(axis=0))
    left = hip[1] - hip[0]
    left = unit(left - up * (left @ up))
    return np.stack([left, np.cross(up, left), up], axis=1)


def _levelled(toes: np.ndarray, shank: np.ndarray, ankle_z: np.ndarray) -> np.ndarray:
    """Directions of the feet (n, 2, 3), pitched so that a foot that stands is level."""
    out = np.empty_like(toes)
    for side in (0, 1):
        way, height = unit(toes[:, side]), ankle_z[:, side]
        stands = height <= np.quantile(height, _LOWEST_SHARE)
        pitch = np.median(np.arcsin(np.clip(way[stands, 2], -1.0, 1.0)))
        down = unit(shank[:, side])
        lift = unit(-down + way * np.sum(down * way, -1, keepdims=True))
        out[:, side] = np.cos(pitch) * way - np.sin(pitch) * lift
    return out


def _straightened(trunk: np.ndarray, shoulder: np.ndarray, clip: Clip, roles: Roles) -> np.ndarray:
    """Direction of the trunk (n, 3) without the lean that it has in the upright rest pose.

    In many skeletons the hip joints lie before the line from the shoulders down.
    """
    rest = clip.rest
    hip, top = (rest[list(roles.pairs[r])].mean(axis=0) for r in ("hip", "shoulder"))
    _, back, up = _rest_axes(clip, roles).T
    lean = np.arctan2((top - hip) @ back, (top - hip) @ up)
    lean = float(np.clip(lean, -_MOST_REST_LEAN, _MOST_REST_LEAN))
    trunk, left = unit(trunk), unit(shoulder[:, 1] - shoulder[:, 0])
    return np.cos(lean) * trunk + np.sin(lean) * np.cross(left, trunk)


def _stand(ankle_z: np.ndarray, toe_z: np.ndarray) -> tuple[float, np.ndarray]:
    """Height of the floor, and height (n,) of the lower foot above where it stands, at least 0.

    An ankle or toe stands at the height that it has while that foot's ankle is at its lowest.
    """
    floors, above = [], []
    for ankle, toe in zip(ankle_z.T, toe_z.T, strict=True):
        stands = ankle <= np.quantile(ankle, _LOWEST_SHARE)
        for z in (ankle, toe):
            floor = np.median(z[stands])
            above.append(z - floor)
            floors.append(floor)
    return float(min(floors)), np.maximum(0.0, np.min(above, axis=0))
