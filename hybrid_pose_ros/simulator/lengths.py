"""How long the bones of a person are: those of an average body of 1.75 m, scaled."""

from __future__ import annotations

from dataclasses import dataclass

from hybrid_pose_ros.simulator.subjects import Subject


@dataclass(frozen=True)
class Lengths:
    """Bone lengths of one subject in metres; `unit` scales everything that is not named."""

    unit: float
    thigh: float
    shank: float
    upper_arm: float
    forearm: float
    trunk: float
    hip_half: float
    shoulder_half: float
    ankle: float

    @classmethod
    def of(cls, subject: Subject) -> Lengths:
        """Lengths for a subject; longer legs make a shorter trunk, so that the height stays."""
        legs, arms, hips = subject.legs, subject.arms, subject.hips
        return cls.of_shares(subject.height / 1.75, legs, arms, hips, subject.shoulders)

    @classmethod
    def of_shares(
        cls,
        s: float,
        legs: float = 1.0,
        arms: float = 1.0,
        hips: float = 1.0,
        shoulders: float = 1.0,
    ) -> Lengths:
        """Lengths for a height of s times 1.75 m and sizes against the average of that height."""
        return cls(
            unit=s,
            thigh=0.43 * s * legs,
            shank=0.41 * s * legs,
            upper_arm=0.30 * s * arms,
            forearm=0.265 * s * arms,
            trunk=0.545 * s - 0.84 * s * (legs - 1.0),
            hip_half=0.09 * s * hips,
            shoulder_half=0.175 * s * shoulders,
            ankle=0.09 * s,
        )
