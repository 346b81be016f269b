"""The loops of `motion.py` for CPUs: map by map, each small enough for a first-level cache.

`forward` and `backward` are exact transposes of each other; the only approximation is the
exponential, which is right to 1e-6 relative. Arrays are float32: maps (S, S), flat ones (S * S,).
Numbers that are not finite come out as such: nothing is raised, nothing read beyond an array.
"""

from __future__ import annotations

import numpy as np
from numba import njit

MAX_CELLS = 3.0  # a joint moves no farther in one bin
REST = 0.1  # share of the slowest velocities that is believed: they could not be learnt at 0
PAD = 4  # columns beside a row, so that a shifted row stays inside its buffer
_LIMIT = np.float32(MAX_CELLS)
_REST = np.float32(REST)
_ONE, _NONE = np.float32(1.0), np.float32(1e-12)
_LOG2_E = np.float32(1.4426950408889634)
# Minimax coefficients of 2**f for 0 <= f < 1.
_C1, _C2, _C3 = np.float32(0.69315308), np.float32(0.24015361), np.float32(0.05582631)
_C4, _C5 = np.float32(0.00898934), np.float32(0.00187758)

# The numpy error model leaves out a check for zero at every division.
_kernel = njit(cache=True, fastmath=True, nogil=True, error_model="numpy")


@_kernel
def _exponentials(x, top, sharpness, out, bits):  # type: ignore[no-untyped-def]
    """exp(sharpness (x - top)) of flat `x` into `out`; `bits` int32 is scratch. Their sum."""
    scale = bits.view(np.float32)
    total = np.float32(0.0)
    factor = sharpness * _LOG2_E
    for i in range(x.size):
        e = max((x[i] - top) * factor, np.float32(-120.0))
        whole = np.floor(e)
        f = e - whole
        bits[i] = (np.int32(whole) + np.int32(127)) << np.int32(23)
        out[i] = _ONE + f * (_C1 + f * (_C2 + f * (_C3 + f * (_C4 + f * _C5))))
    for i in range(x.size):
        out[i] *= scale[i]
        total += out[i]
    return total


@_kernel
def _softmax(x, sharpness, out, bits):  # type: ignore[no-untyped-def]
    """Softmax of sharpness * x, flat, into `out`."""
    top = x[0]
    for i in range(x.size):
        top = max(top, x[i])
    factor = _ONE / _exponentials(x, top, sharpness, out, bits)
    for i in range(x.size):
        out[i] *= factor


@_kernel
def _mean(where, motion):  # type: ignore[no-untyped-def]
    """Sum of the product of two flat arrays."""
    total = np.float32(0.0)
    for i in range(where.size):
        total += where[i] * motion[i]
    return total


@_kernel
def _parts(moved):  # type: ignore[no-untyped-def]
    """A displacement as whole cells and the rest, both of the place that is read."""
    whole = np.floor(-moved)
    # A NaN as a whole number is anything.
    return min(max(int(whole), 1 - PAD), PAD - 1), np.float32(-moved - whole)


@_kernel
def _repeat_ends(row, size):  # type: ignore[no-untyped-def]
    for x in range(PAD):
        row[x] = row[PAD]
        row[PAD + size + x] = row[PAD + size - 1]


@_kernel
def _move(last, u, v, decay, change, row, now):  # type: ignore[no-untyped-def]
    """Now = decay * last(x - (u, v)) + change; `row` (S + 2 PAD,) is scratch."""
    size = last.shape[0]
    ix, fx = _parts(u)
    iy, fy = _parts(v)
    here = row[PAD + ix : PAD + ix + size + 1]
    for y in range(size):
        upper = last[min(max(y + iy, 0), size - 1)]
        lower = last[min(max(y + iy + 1, 0), size - 1)]
        for x in range(size):
            row[PAD + x] = upper[x] + fy * (lower[x] - upper[x])
        _repeat_ends(row, size)
        for x in range(size):
            now[y, x] = decay * (here[x] + fx * (here[x + 1] - here[x])) + change[y, x]


@_kernel
def _move_back(last, u, v, decay, grad, row, slope, spread, earlier):  # type: ignore[no-untyped-def]
    """From the gradient of `now`: that of `last` into `earlier`; returns decay's, u's and v's."""
    size = last.shape[0]
    ix, fx = _parts(u)
    iy, fy = _parts(v)
    kept, across, down = np.float32(0.0), np.float32(0.0), np.float32(0.0)
    earlier[:] = 0.0
    for y in range(size):
        y0 = min(max(y + iy, 0), size - 1)
        y1 = min(max(y + iy + 1, 0), size - 1)
        for x in range(size):
            slope[PAD + x] = last[y1, x] - last[y0, x]
            row[PAD + x] = last[y0, x] + fy * slope[PAD + x]
        _repeat_ends(row, size)
        _repeat_ends(slope, size)
        spread[:] = 0.0
        for x in range(size):
            g, at = grad[y, x], PAD + x + ix
            step = row[at + 1] - row[at]
            kept += g * (row[at] + fx * step)
            across -= g * step
            down -= g * (slope[at] + fx * (slope[at + 1] - slope[at]))
            spread[at] += (_ONE - fx) * g
            spread[at + 1] += fx * g
        for x in range(PAD):  # what was read beyond an end came from the end
            spread[PAD] += spread[x]
            spread[PAD + size - 1] += spread[PAD + size + x]
        for x in range(size):
            g = decay * spread[PAD + x]
            earlier[y0, x] += (_ONE - fy) * g
            earlier[y1, x] += fy * g
    return kept, decay * across, decay * down


@_kernel
def _mean_back(where, along_u, along_v, gu, gv, sharpness, grad_u, grad_v, earlier):  # type: ignore[no-untyped-def]
    """From the gradients of both means: those of the motion maps, and the softmax's, added."""
    mean = np.float32(0.0)
    for i in range(where.size):
        mean += where[i] * (gu * along_u[i] + gv * along_v[i])
    for i in range(where.size):
        grad_u[i] = gu * where[i]
        grad_v[i] = gv * where[i]
        earlier[i] += sharpness * where[i] * (gu * along_u[i] + gv * along_v[i] - mean)


@_kernel
def _believe(velocity, noise):  # type: ignore[no-untyped-def]
    """Shrink a velocity (2,) in place, no component beyond the limit: motion.believed."""
    speed = np.sqrt(velocity[0] ** 2 + velocity[1] ** 2 + _NONE)
    share = (speed + _REST * noise) / (speed + noise)
    for axis in range(2):
        velocity[axis] = min(max(share * velocity[axis], -_LIMIT), _LIMIT)


@_kernel
def _believe_back(u, v, noise, gu, gv):  # type: ignore[no-untyped-def]
    """From the gradient of a believed velocity (u, v): that before it was shrunk, and of noise."""
    # Its speed b was s before: b = s (s + REST noise) / (s + noise), a quadratic equation for s.
    b = np.sqrt(u * u + v * v + _NONE)
    half = np.float32(0.5) * (b - _REST * noise)
    s = half + np.sqrt(half * half + b * noise)
    whole = s + noise
    across = (s + _REST * noise) / whole
    share = noise / whole
    along = _ONE - (_ONE - _REST) * share * share
    radial = (gu * u + gv * v) / b
    more = radial * (along - across) / b
    doubt = (_REST - _ONE) * (s / whole) ** 2 * radial
    return across * gu + more * u, across * gv + more * v, doubt


@_kernel
def forward(  # type: ignore[no-untyped-def]
    changes, output, velocity, decay, keep, noise, sharpness, outputs, velocities
):
    """Heatmaps and velocities of a sequence."""
    # changes (T, B, 3 J, S, S); output (B, J, S, S); velocity (B, J, 2); keep and noise (J,)
    # outputs (T, B, J, S, S) and velocities (T, B, J, 2) are filled
    joints, size = output.shape[1], output.shape[2]
    where, bits = np.empty(size * size, np.float32), np.empty(size * size, np.int32)
    row = np.empty(size + 2 * PAD, np.float32)
    for b in range(output.shape[0]):
        for j in range(joints):
            last, speed = output[b, j], velocity[b, j]
            for t in range(changes.shape[0]):
                _softmax(last.reshape(-1), sharpness, where, bits)
                for axis in range(2):
                    pull = _mean(where, changes[t, b, joints + 2 * j + axis].reshape(-1))
                    velocities[t, b, j, axis] = keep[j] * speed[axis] + pull
                speed, now = velocities[t, b, j], outputs[t, b, j]
                _believe(speed, noise[j])
                _move(last, speed[0], speed[1], decay, changes[t, b, j], row, now)
                last = now


@_kernel
def backward(  # type: ignore[no-untyped-def]
    changes, output, velocity, decay, keep, noise, sharpness, outputs, velocities,
    grad_outputs, grad_velocities,
    grad_changes, grad_output, grad_velocity, grad_keep, grad_noise,
):  # fmt: skip
    """Gradients of all that `forward` reads; returns that of `decay`."""
    # grad_outputs and grad_velocities come in, the other gradients are filled
    joints, size = output.shape[1], output.shape[2]
    where, bits = np.empty(size * size, np.float32), np.empty(size * size, np.int32)
    row, slope, spread = np.empty((3, size + 2 * PAD), np.float32)
    earlier = np.empty((size, size), np.float32)
    grad_decay = np.float32(0.0)
    for b in range(output.shape[0]):
        for j in range(joints):
            grad = np.zeros((size, size), np.float32)
            gu, gv = np.float32(0.0), np.float32(0.0)
            for t in range(changes.shape[0] - 1, -1, -1):
                last = output[b, j] if t == 0 else outputs[t - 1, b, j]
                before = velocity[b, j] if t == 0 else velocities[t - 1, b, j]
                u, v = velocities[t, b, j, 0], velocities[t, b, j, 1]
                grad += grad_outputs[t, b, j]
                grad_changes[t, b, j] = grad
                kept, across, down = _move_back(
                    last, u, v, decay, grad, row, slope, spread, earlier
                )
                grad_decay += kept
                gu += grad_velocities[t, b, j, 0] + across
                gv += grad_velocities[t, b, j, 1] + down
                gu = np.float32(0.0) if abs(u) >= _LIMIT else gu
                gv = np.float32(0.0) if abs(v) >= _LIMIT else gv
                gu, gv, doubt = _believe_back(u, v, noise[j], gu, gv)
                grad_noise[j] += doubt
                _softmax(last.reshape(-1), sharpness, where, bits)
                first = joints + 2 * j
                _mean_back(
                    where, changes[t, b, first].reshape(-1), changes[t, b, first + 1].reshape(-1),
                    gu, gv, sharpness, grad_changes[t, b, first].reshape(-1),
                    grad_changes[t, b, first + 1].reshape(-1), earlier.reshape(-1),
                )  # fmt: skip
                grad_keep[j] += gu * before[0] + gv * before[1]
                gu, gv = keep[j] * gu, keep[j] * gv
                grad[:] = earlier
            grad_output[b, j] = grad
            grad_velocity[b, j, 0], grad_velocity[b, j, 1] = gu, gv
    return grad_decay
