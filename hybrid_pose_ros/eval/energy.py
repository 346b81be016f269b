"""Energy of the arithmetic, by the figures per operation that the literature uses for 7 nm."""

from __future__ import annotations

SYNAPTIC_OPERATION_J = 0.38e-12  # one addition, 7 nm
MAC_J = 1.69e-12  # one multiply-accumulate, 7 nm


def power_mw(synaptic_operations: int, keyframes: int, macs_per_keyframe: int, s: float) -> float:
    """Mean power in milliwatts of everything that was computed in `s` seconds."""
    joules = SYNAPTIC_OPERATION_J * synaptic_operations + MAC_J * macs_per_keyframe * keyframes
    return 1000.0 * joules / s if s > 0 else 0.0
