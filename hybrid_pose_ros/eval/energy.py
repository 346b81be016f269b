"""Energy of the arithmetic and, apart from it, of the memory traffic: estimates from counts.

Arithmetic: figures per operation that the literature uses, for two technologies (45 nm: Horowitz,
ISSCC 2014, 32-bit floating point; 7 nm: those of the publication, arXiv 2303.14176).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Technology:
    """Joules per operation.

    Attributes:
        name: such as "7nm".
        mac_j: one multiply-accumulate.
        addition_j: one addition, which is all that a spike costs per synapse.
    """

    name: str
    mac_j: float
    addition_j: float

    def joules(self, additions: float, macs: float) -> float:
        """Energy of so many operations."""
        return self.addition_j * additions + self.mac_j * macs


NM_7 = Technology("7nm", 1.69e-12, 0.38e-12)
NM_45 = Technology("45nm", 4.6e-12, 0.9e-12)
TECHNOLOGIES = (NM_7, NM_45)


def power_mw(synaptic_operations: int, keyframes: int, macs_per_keyframe: int, s: float) -> float:
    """Mean power in milliwatts (7 nm) of everything that was computed in `s` seconds."""
    joules = NM_7.joules(synaptic_operations, macs_per_keyframe * keyframes)
    return 1000.0 * joules / s if s > 0 else 0.0
