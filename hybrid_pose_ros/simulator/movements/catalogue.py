"""Numbers, sessions and names of the movements, in the order of DHP19."""

from __future__ import annotations

from dataclasses import dataclass

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.simulator.movements import free, gait, gestures, jumps, limbs, strikes
from hybrid_pose_ros.simulator.movements.limbs import Builder
from hybrid_pose_ros.simulator.pose import LEFT, RIGHT


@dataclass(frozen=True)
class Movement:
    """One kind of motion.

    Attributes:
        number: 1..33, or 0 for movements that DHP19 does not have.
        session: DHP19 session 1..5 (0: none).
        index: number within the session, from 1 (0: none).
        name: lower case with underscores.
        build: makes the function from time in seconds (n,) to a Pose, given a generator.
    """

    number: int
    session: int
    index: int
    name: str
    build: Builder


_SESSIONS: tuple[tuple[tuple[str, Builder], ...], ...] = (
    (
        ("left_arm_abduction", limbs.arm_abduction(LEFT)),
        ("right_arm_abduction", limbs.arm_abduction(RIGHT)),
        ("left_leg_abduction", limbs.leg_abduction(LEFT)),
        ("right_leg_abduction", limbs.leg_abduction(RIGHT)),
        ("left_biceps_curl", limbs.biceps_curl(LEFT)),
        ("right_biceps_curl", limbs.biceps_curl(RIGHT)),
        ("left_knee_lift", limbs.knee_lift(LEFT)),
        ("right_knee_lift", limbs.knee_lift(RIGHT)),
    ),
    (
        ("walk", gait.walk()),
        ("jump_up", jumps.single_jump()),
        ("jump_forward", jumps.single_jump(0.35)),
        ("jumps_up_and_down", jumps.repeated_jumps()),
        ("hop_right", jumps.hop(RIGHT)),
        ("hop_left", jumps.hop(LEFT)),
    ),
    tuple(
        (f"punch_{way}_{name}", strikes.punch(side, way))
        for way in ("straight", "up", "down")
        for name, side in (("left", LEFT), ("right", RIGHT))
    ),
    (
        ("slow_jog", gait.jog()),
        ("star_jumps", jumps.star_jumps()),
        ("kick_forward_left", strikes.kick_forward(LEFT)),
        ("kick_forward_right", strikes.kick_forward(RIGHT)),
        ("kick_side_left", strikes.kick_side(LEFT)),
        ("kick_side_right", strikes.kick_side(RIGHT)),
    ),
    (
        ("wave_left", gestures.wave(LEFT)),
        ("wave_right", gestures.wave(RIGHT)),
        ("circle_left", gestures.circle(LEFT)),
        ("circle_right", gestures.circle(RIGHT)),
        ("figure_eight_left", gestures.figure_eight(LEFT)),
        ("figure_eight_right", gestures.figure_eight(RIGHT)),
        ("clap", gestures.clap()),
    ),
)


def _numbered() -> tuple[Movement, ...]:
    out: list[Movement] = []
    for session, entries in enumerate(_SESSIONS, start=1):
        for index, (name, build) in enumerate(entries, start=1):
            out.append(Movement(len(out) + 1, session, index, name, build))
    return tuple(out)


MOVEMENTS: tuple[Movement, ...] = _numbered()
EXTRA: tuple[Movement, ...] = (
    Movement(0, 0, 0, "free", free.free),
    Movement(0, 0, 0, "stand", free.stand),
)
_BY_NAME = {m.name: m for m in MOVEMENTS + EXTRA}


def find_movement(key: int | str) -> Movement:
    """The movement of that number (1..33) or name.

    Raises:
        ConfigError: if there is none; the message lists what there is.
    """
    text = str(key).strip()
    if text.lstrip("+-").isdigit():
        number = int(text)
        if 1 <= number <= len(MOVEMENTS):
            return MOVEMENTS[number - 1]
    elif text in _BY_NAME:
        return _BY_NAME[text]
    raise ConfigError(
        f"unknown movement '{key}': use a number 1 to {len(MOVEMENTS)} or one of "
        + ", ".join(_BY_NAME)
    )
