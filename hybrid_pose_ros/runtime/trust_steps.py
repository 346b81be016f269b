"""The compiled inner loops of `camera_trust`: what many poses say about their camera."""

from __future__ import annotations

import numba
import numpy as np

GOOD, SWAPPED, CONTRADICTS, MOVED, FROZEN = 0, 1, 2, 3, 4

# Share of refused joints, averaged over the last five poses: left out above, taken back below.
_DOUBT_GAIN, _CONTRADICTS, _FITS = 0.2, 0.5, 0.25
# Share of poses that fit better with left and right exchanged: exchanged above, not below.
_MIRROR_GAIN, _MIRRORED, _UPRIGHT = 0.2, 0.6, 0.2
_MIRROR_MARGIN = 20.0
# Median distance of a pose from its prediction, px. On half a minute of two simulated cameras the
# largest single one was 4.1, the largest half-second mean 1.0; two degrees are twelve pixels.
_JOLT_PX, _SPREAD_PX = 6.0, 10.0
_OFFSET_GAIN, _MOVED_PX, _IN_PLACE_PX = 0.02, 3.0, 2.0
_FAST_GAIN, _BACK_PX, _BACK_POSES = 0.2, 3.0, 40
_TOGETHER_NS, _SILENT_NS = 150_000_000, 200_000_000
# The guilty camera is clear when its offset is so many times the next one's.
_CLEARLY = 1.4
_LEAST_JOINTS = 6
# So many equal poses in a row while another camera's change: a camera that hangs.
_FROZEN_POSES, _STILL_PX = 15, 1e-3


@numba.njit(cache=True)
def judge_sides(
    c: int,
    better: float,
    count: float,
    times: np.ndarray,
    verdict: np.ndarray,
    offset: np.ndarray,
    mirror: np.ndarray,
) -> bool:
    """Whether camera c's pose is to be taken with left and right exchanged.

    Args:
        c: the camera.
        better: how much better the pose fits mirrored.
        count: joints compared.
        times: (C,) time of each camera's latest pose.
        verdict: (C,) changed.
        offset: (C, 2) px, changed.
        mirror: (C,) share of poses that fit better mirrored, changed.
    """
    if count >= _LEAST_JOINTS:
        mirror[c] += _MIRROR_GAIN * ((1.0 if better > _MIRROR_MARGIN else 0.0) - mirror[c])
    if verdict[c] == SWAPPED and mirror[c] < _UPRIGHT:
        verdict[c] = GOOD
        offset[c] = 0.0
    elif verdict[c] in (GOOD, CONTRADICTS) and mirror[c] > _MIRRORED:
        # If all others were mirrored too, this one would be the only one that is not.
        for other in range(len(verdict)):
            if other != c and verdict[other] == GOOD and _usable(other, times, verdict):
                verdict[c] = SWAPPED
    return verdict[c] == SWAPPED and better > 0.0


@numba.njit(cache=True)
def judge_frozen(
    c: int,
    step: float,
    times: np.ndarray,
    verdict: np.ndarray,
    offset: np.ndarray,
    equal: np.ndarray,
) -> None:
    """Leave out a camera that repeats itself while another does not; the last three change."""
    equal[c] = equal[c] + 1 if step < _STILL_PX else 0
    if verdict[c] == FROZEN and equal[c] == 0:
        verdict[c] = GOOD
        offset[c] = 0.0
    elif verdict[c] <= SWAPPED and equal[c] >= _FROZEN_POSES:
        for other in range(len(verdict)):
            if other != c and equal[other] == 0 and _usable(other, times, verdict):
                verdict[c] = FROZEN


@numba.njit(cache=True)
def judge_doubt(
    c: int,
    seen: np.ndarray,
    refused: np.ndarray,
    times: np.ndarray,
    verdict: np.ndarray,
    doubt: np.ndarray,
) -> tuple[int, int]:
    """Leave out a camera that alone contradicts for long; doubt (C,) changed.

    Returns:
        Numbers of joints seen and refused.
    """
    count, bad = 0, 0
    for j in range(len(seen)):
        count += seen[j]
        bad += seen[j] and refused[j]
    if count:
        doubt[c] += _DOUBT_GAIN * (bad / count - doubt[c])
    if verdict[c] == CONTRADICTS and doubt[c] < _FITS:
        verdict[c] = GOOD
    elif verdict[c] <= SWAPPED and doubt[c] > _CONTRADICTS:
        for other in range(len(verdict)):
            if other != c and doubt[other] < _FITS and _usable(other, times, verdict):
                verdict[c] = CONTRADICTS
    return count, bad


@numba.njit(cache=True)
def judge_place(
    c: int,
    t_ns: int,
    found: np.ndarray,
    confirmed: bool,
    agrees: bool,
    times: np.ndarray,
    off: np.ndarray,
    jolts: np.ndarray,
    verdict: np.ndarray,
    offset: np.ndarray,
    fast: np.ndarray,
    jolted: np.ndarray,
    in_place: np.ndarray,
) -> bool:
    """Leave out a camera whose poses are off as a whole; see `CameraTrust.judge`.

    Args:
        c: the camera.
        t_ns: time of its pose.
        found: (9,) what `examine` wrote.
        confirmed: this and another camera have confirmed the prediction just now.
        agrees: the pose and the only other camera see the same points, wherever these are.
        times: (C,) time of each camera's latest pose; changed, as all that follow.
        off: (C,) when each camera's joints were far from their prediction last.
        jolts: (C,) when each camera was left out for a jolt.
        verdict: (C,).
        offset: (C, 2) px, slow mean.
        fast: (C, 2) px, fast mean.
        jolted: (C, 2) px, sum of the jolts since a camera was left out for one.
        in_place: (C,) poses since it fits again.

    Returns:
        Whether cameras are displaced without one that is clearly the wrong one.
    """
    times[c] = t_ns
    whole = found[3] >= _LEAST_JOINTS and found[2] <= _SPREAD_PX
    sudden = False
    if found[8] > _JOLT_PX:
        off[c] = t_ns
        if _others_off(c, t_ns, off, jolts, verdict):
            # All of them at once: it is the person who has moved.
            _clear_all(t_ns, jolts, verdict, offset)
            return False
    if whole:
        jolt = np.hypot(found[0] - offset[c, 0], found[1] - offset[c, 1])
        sudden = jolt > max(_JOLT_PX, found[2])
        for k in range(2):
            fast[c, k] += _FAST_GAIN * (found[k] - fast[c, k])
            offset[c, k] += _OFFSET_GAIN * (found[k] - offset[c, k])
    if verdict[c] == MOVED:
        if np.hypot(found[6], found[7]) > _JOLT_PX:
            jolted[c] += found[6:8]
        fits = whole and np.hypot(fast[c, 0], fast[c, 1]) < _BACK_PX
        if _count(times, verdict) < 2:
            # One camera alone does not know the depth, so that the prediction proves little.
            fits = (fits or agrees) and np.hypot(jolted[c, 0], jolted[c, 1]) < _JOLT_PX
        in_place[c] = in_place[c] + 1 if fits else 0
        if in_place[c] >= _BACK_POSES:
            verdict[c] = GOOD
            offset[c] = 0.0
    elif verdict[c] == GOOD and sudden and confirmed and _count(times, verdict) > 1:
        jolts[c] = t_ns
        jolted[c] = found[:2] - offset[c]
        _leave_out(c, found[:2].copy(), verdict, offset, fast, in_place)
    return _judge_offsets(times, verdict, offset, fast, jolted, in_place)


@numba.njit(cache=True)
def _others_off(c: int, t_ns: int, off: np.ndarray, jolts: np.ndarray, verdict: np.ndarray) -> bool:
    """Whether another camera that is believed, or was until now, is off as well."""
    for other in range(len(verdict)):
        believed = verdict[other] == GOOD or (
            verdict[other] == MOVED and t_ns - jolts[other] < _TOGETHER_NS
        )
        if other != c and believed and t_ns - off[other] < _TOGETHER_NS:
            return True
    return False


@numba.njit(cache=True)
def _clear_all(t_ns: int, jolts: np.ndarray, verdict: np.ndarray, offset: np.ndarray) -> None:
    """Take back cameras that were left out just now for what another one sees too."""
    for other in range(len(verdict)):
        if verdict[other] == MOVED and t_ns - jolts[other] < _TOGETHER_NS:
            verdict[other] = GOOD
            offset[other] = 0.0


@numba.njit(cache=True)
def _judge_offsets(
    times: np.ndarray,
    verdict: np.ndarray,
    offset: np.ndarray,
    fast: np.ndarray,
    jolted: np.ndarray,
    in_place: np.ndarray,
) -> bool:
    first, largest, second = -1, 0.0, 0.0
    for c in range(len(verdict)):
        if _usable(c, times, verdict):
            size = np.hypot(offset[c, 0], offset[c, 1])
            if size > largest:
                first, largest, second = c, size, largest
            else:
                second = max(second, size)
    if _count(times, verdict) < 2:
        return False
    if largest > _MOVED_PX and largest > _CLEARLY * second and verdict[first] == GOOD:
        jolted[first] = 0.0
        _leave_out(first, fast[first].copy(), verdict, offset, fast, in_place)
        return False
    return largest > _MOVED_PX or second > _IN_PLACE_PX


@numba.njit(cache=True)
def _leave_out(
    c: int,
    where: np.ndarray,
    verdict: np.ndarray,
    offset: np.ndarray,
    fast: np.ndarray,
    in_place: np.ndarray,
) -> None:
    verdict[c] = MOVED
    offset[:] = 0.0  # what the others seemed to be off was this one's fault
    offset[c], fast[c] = where, where
    in_place[c] = 0


@numba.njit(cache=True)
def _usable(c: int, times: np.ndarray, verdict: np.ndarray) -> bool:
    """Whether a camera delivers and is used."""
    lately = times[c] >= 0 and times[c] > times.max() - _SILENT_NS
    return lately and verdict[c] <= SWAPPED


@numba.njit(cache=True)
def _count(times: np.ndarray, verdict: np.ndarray) -> int:
    count = 0
    for c in range(len(verdict)):
        count += _usable(c, times, verdict)
    return count
