"""The people of the simulated world: 17 fixed ones, like DHP19's, and endless random ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.data.dhp19_split import TEST_SUBJECTS
from hybrid_pose_ros.errors import ConfigError

TRAIN_SUBJECTS = tuple(range(1, 13))
FIRST_RANDOM_SUBJECT = 101


@dataclass(frozen=True)
class Subject:
    """Size, build and clothes of one person.

    Attributes:
        height: metres.
        legs, arms: length of legs and arms relative to the average for that height.
        girth: thickness of trunk and limbs relative to the average.
        shoulders, hips: width relative to the average.
        shirt, trousers, skin, hair, shoe: reflectance 0..1.
        sleeve: share of the arm that the sleeve covers (0.2 sleeveless .. 2 long: 1 = upper arm).
        hem: height of the shirt's hem over the hip joints in metres.
        trouser_leg: share of the leg covered: 0.5 mid-thigh, 1 knee, 2 ankle.
        hair_length: 0 none, 1 short, 2 shoulder length.
        print_contrast: contrast of a stripe over the chest, 0 = none.
        texture: amplitude of folds and patterns in log reflectance.
        lamps: (2, 4) direction (x, y, z) and strength of the lamps; ambient: the rest of the light.
        wears_markers: the reflecting spheres of a motion capture system at the labelled points.
        seed: of the pattern on the clothes.
    """

    number: int
    female: bool
    height: float
    legs: float
    arms: float
    girth: float
    shoulders: float
    hips: float
    shirt: float
    trousers: float
    skin: float
    hair: float
    shoe: float
    sleeve: float
    hem: float
    trouser_leg: float
    hair_length: float
    print_contrast: float
    texture: float
    ambient: float
    lamps: tuple[tuple[float, float, float, float], ...]
    wears_markers: bool
    seed: int


def find_subject(number: int) -> Subject:
    """The person of that number: 1..17 fixed (13..17 for tests), above 100 random by the number.

    Raises:
        ConfigError: for any other number.
    """
    if number in TRAIN_SUBJECTS or number in TEST_SUBJECTS or number >= FIRST_RANDOM_SUBJECT:
        return _drawn(int(number))
    raise ConfigError(
        f"unknown subject {number}: use 1 to {TEST_SUBJECTS[-1]}, "
        f"or {FIRST_RANDOM_SUBJECT} and above for random people"
    )


def _drawn(number: int) -> Subject:
    rng = np.random.default_rng([1906, number])
    # DHP19 had 12 women and 5 men; which numbers they are is not published.
    female = bool(rng.random() < 0.5) if number >= FIRST_RANDOM_SUBJECT else number % 3 != 0
    height = float(np.clip(rng.normal(1.66 if female else 1.79, 0.07), 1.5, 2.0))
    shirt, trousers, skin, hair, shoe = _reflectances(rng)
    long_trousers = rng.random() < 0.3
    return Subject(
        number=number,
        female=female,
        height=height,
        legs=1.0 + 0.02 * float(np.clip(rng.normal(), -1.5, 1.5)),
        arms=1.0 + 0.025 * float(np.clip(rng.normal(), -1.5, 1.5)),
        girth=float(np.clip(rng.normal(0.95 if female else 1.02, 0.07), 0.8, 1.25)),
        shoulders=rng.normal(0.93 if female else 1.03, 0.03),
        hips=rng.normal(1.05 if female else 0.98, 0.03),
        shirt=shirt,
        trousers=trousers,
        skin=skin,
        hair=hair,
        shoe=shoe,
        sleeve=float(rng.choice([0.25, 0.5, 0.6, 0.9, 1.9], p=[0.1, 0.35, 0.3, 0.1, 0.15])),
        hem=float(rng.uniform(-0.07, 0.02) if rng.random() < 0.8 else rng.uniform(0.06, 0.1)),
        trouser_leg=1.93 if long_trousers else float(rng.uniform(0.6, 1.05)),
        hair_length=float(
            rng.choice([0.0, 1.0, 2.0], p=[0, 0.3, 0.7] if female else [0.12, 0.8, 0.08])
        ),
        print_contrast=float(rng.uniform(0.3, 0.9)) if rng.random() < 0.35 else 0.0,
        texture=rng.uniform(0.03, 0.14),
        ambient=rng.uniform(0.38, 0.55),
        lamps=_lamps(rng),
        # The people of DHP19 all did; whoever is met elsewhere does not.
        wears_markers=number < FIRST_RANDOM_SUBJECT or bool(rng.random() < 0.4),
        seed=number,
    )


def _reflectances(rng: np.random.Generator) -> tuple[float, float, float, float, float]:
    """Shirt, trousers, skin, hair, shoe; redrawn until neighbours differ visibly."""
    while True:
        skin = float(rng.uniform(0.38, 0.62))
        shirt = float(np.exp(rng.uniform(np.log(0.1), np.log(0.7))))
        bright = rng.random() < 0.15
        trousers = float(rng.uniform(0.3, 0.5) if bright else rng.uniform(0.05, 0.2))
        gaps = np.log([shirt / skin, trousers / skin, shirt / trousers])
        if np.abs(gaps).min() > 0.25:
            break
    # The sensor sees near infrared, where hair is less dark than to the eye.
    hair = float(np.exp(rng.uniform(np.log(0.07), np.log(0.34))))
    return shirt, trousers, skin, hair, float(rng.uniform(0.2, 0.65))


def _lamps(rng: np.random.Generator) -> tuple[tuple[float, float, float, float], ...]:
    lamps = []
    for x, y, z, power in ((0.2, -0.5, 0.85, 0.45), (-0.6, -0.2, 0.75, 0.25)):
        way = np.array([x, y, z]) + rng.normal(0.0, 0.12, 3)
        way /= np.linalg.norm(way)
        lamps.append((*way.tolist(), power * float(rng.uniform(0.8, 1.2))))
    return tuple(lamps)
