"""Plays a motion capture clip on the body of a subject: the bones at any time."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

from hybrid_pose_ros.simulator.bones import Bones, shoulders_of
from hybrid_pose_ros.simulator.legs import TOE, TOE_DROP
from hybrid_pose_ros.simulator.lengths import Lengths
from hybrid_pose_ros.simulator.mocap import retarget as rows
from hybrid_pose_ros.simulator.mocap.loop import looped
from hybrid_pose_ros.simulator.mocap.retarget import make_track
from hybrid_pose_ros.simulator.mocap.skeleton import Clip
from hybrid_pose_ros.simulator.pose import OUTWARD
from hybrid_pose_ros.simulator.subjects import Subject
from hybrid_pose_ros.simulator.vectors import unit

_BREATHS_HZ = 0.25
_EASE_S = 0.06  # smoothing of the correction that keeps the feet on the floor


class ClipPlayer:
    """One person doing what a clip shows.

    Args:
        clip: the motion.
        person: whose lengths the bones have.
        seconds: how long; a clip that is shorter is repeated. None for the length of the clip.

    Attributes:
        seconds: length of the clip.

    Raises:
        MotionError: the clip lacks a joint, or is too short.
    """

    def __init__(self, clip: Clip, person: Subject, seconds: float | None = None) -> None:
        track = make_track(clip)
        self.seconds = (len(track.ways) - 1) / track.rate_hz
        self._size = Lengths.of(person)
        self._loop_start, self._loop_s = 0.0, self.seconds
        if seconds is not None and seconds > self.seconds:
            loop = looped(track)
            track, self._loop_start, self._loop_s = loop.track, loop.start_s, loop.period_s
        ways, place = track.ways, track.place
        hips = _hips(ways, place, self._size, _EASE_S * track.rate_hz)
        flat = np.concatenate([ways.reshape(len(ways), -1), hips], axis=1)
        self._values = CubicSpline(np.arange(len(flat)) / track.rate_hz, flat)

    def bones(self, t: np.ndarray) -> Bones:
        """The skeleton at times (n,) in seconds; before time 0 the first pose stands still."""
        t = np.maximum(np.asarray(t, np.float64), 0.0)
        beyond = t > self._loop_start + self._loop_s
        within = np.where(beyond, self._loop_start + (t - self._loop_start) % self._loop_s, t)
        flat = self._values(within)
        ways = unit(flat[:, :-3].reshape(-1, rows.WAYS, 3))
        return _assembled(ways, flat[:, -3:], self._size, np.sin(2.0 * np.pi * _BREATHS_HZ * t))


def _legs(ways: np.ndarray, size: Lengths) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hip joints, knees and ankles (n, 2, 3) against the middle of the hips."""
    hip = OUTWARD[None, :, None] * ways[:, None, rows.PELVIS_LEFT] * size.hip_half
    knee = hip + ways[:, rows.THIGH] * size.thigh
    return hip, knee, knee + ways[:, rows.SHANK] * size.shank


def _hips(ways: np.ndarray, place: np.ndarray, size: Lengths, ease: float) -> np.ndarray:
    """Middle of the hips (n, 3), as high as lets the lower foot be where the clip has it.

    Another body than the filmed one would jerk at every change of the lower foot if that were
    held to the letter: the height follows the clip, and only a smooth correction the feet.
    """
    leg = size.thigh + size.shank
    ankle, toes = _legs(ways, size)[2], ways[:, rows.TOES]
    toe = ankle[..., 2] + (TOE * toes[..., 2] - TOE_DROP) * size.unit
    sole = np.minimum(ankle[..., 2] - size.ankle, toe).min(axis=-1)
    filmed = place[:, 2] * leg
    correction = place[:, 3] * leg - sole - filmed
    height = filmed + gaussian_filter1d(correction, ease, mode="nearest")
    return np.column_stack([place[:, :2] * leg, height])


def _assembled(ways: np.ndarray, hips: np.ndarray, size: Lengths, breath: np.ndarray) -> Bones:
    """Bones of the given lengths along `ways`."""
    up, pelvis_left = ways[:, rows.UP], ways[:, rows.PELVIS_LEFT]
    left = unit(ways[:, rows.LEFT] - up * np.sum(ways[:, rows.LEFT] * up, -1, keepdims=True))
    front = np.cross(left, up)
    hip, knee, ankle = (hips[:, None] + points for points in _legs(ways, size))
    upper, fore = ways[:, rows.UPPER], ways[:, rows.FORE]
    neck = hips + up * size.trunk
    shoulder = shoulders_of(neck, np.stack([front, left, up], axis=1), upper, breath, size)
    elbow = shoulder + upper * size.upper_arm
    head_up = ways[:, rows.HEAD_UP]
    head_front = ways[:, rows.HEAD_FRONT]
    head_front = unit(head_front - head_up * np.sum(head_front * head_up, -1, keepdims=True))
    return Bones(
        lengths=size,
        hips=hips,
        neck=neck,
        head=neck + (head_up * 0.145 + head_front * 0.02) * size.unit,
        up=up,
        front=front,
        left=left,
        pelvis_front=unit(np.cross(pelvis_left, up)),
        pelvis_left=pelvis_left,
        head_up=head_up,
        head_front=head_front,
        shoulder=shoulder,
        elbow=elbow,
        hand=elbow + fore * size.forearm,
        hip=hip,
        knee=knee,
        ankle=ankle,
        toe_way=ways[:, rows.TOES],
        breath=breath,
    )
