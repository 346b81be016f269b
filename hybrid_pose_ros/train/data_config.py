"""Settings of what is trained on: recordings, and how they are varied."""

from __future__ import annotations

from dataclasses import dataclass

from hybrid_pose_ros.data.dhp19_split import TEST_SUBJECTS

SOURCES = ("simulated", "dhp19", "fresh")
VALIDATION = 500  # the first of the people validated on; the test subjects are kept for the end
NEWCOMER = 1000  # the first of the people seen in one training clip only
MOST_VALIDATION_CLIPS = NEWCOMER - VALIDATION


def one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a value that is not one of the choices.

    Raises:
        ValueError: names the choices.
    """
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


@dataclass(frozen=True)
class FreshConfig:
    """How clips are renewed that nobody sees twice.

    Attributes:
        steps: so many steps of training, then the next clips.
        device: that simulates them; "auto": a GPU where there is one. On "cpu" the ordinary
            simulator does it, which is much faster there and has the same statistics.
    """

    steps: int = 200
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")


@dataclass(frozen=True)
class DataConfig:
    """Recordings to train on.

    Attributes:
        source: "simulated": clips that are made first where they are missing; "dhp19": a folder
            of HDF5 files, real or written by `hybrid_pose simulate --format h5`; "fresh": clips
            that are simulated while training goes on, and used for a while; recipe "ours".
        folder: where they are; fresh: only those for validation.
        cameras: views, names in the DHP19 rig; one network is trained for all of them.
        held_out_movements: DHP19 numbers that are not trained on.
        validation_subjects: dhp19: who is validated on; none of the others is.
        keyframe: "count": the CNN sees the last 7500 events, or "duration": the last 100 ms.
        step_ms: published recipe: from one sequence to the next.
        clips: simulated: number of recordings; fresh: number of them in memory. The settings
            below are of both, too.
        validation_clips: further clips, of held-out subjects and movements.
        seconds: length of each.
        seed: decides subjects, movements and seeds of all clips.
        free_share: share of clips with free, random joint motion.
        fresh: settings of that source; None: the usual ones.
    """

    source: str = "simulated"
    folder: str = "out/train/clips"
    cameras: tuple[str, ...] = ("cam2", "cam3")
    held_out_movements: tuple[int, ...] = (7, 8, 22, 27, 28)
    validation_subjects: tuple[int, ...] = TEST_SUBJECTS
    keyframe: str = "count"
    step_ms: int = 100
    clips: int = 240
    validation_clips: int = 20
    seconds: float = 4.0
    seed: int = 1
    free_share: float = 0.3
    fresh: FreshConfig | None = None

    def __post_init__(self) -> None:
        one_of("source", self.source, SOURCES)
        one_of("keyframe", self.keyframe, ("count", "duration"))
        if not self.cameras:
            raise ValueError("cameras must name at least one camera")
        if self.fresh is not None and self.source != "fresh":
            raise ValueError(f"fresh belongs to source fresh, not {self.source}; remove it")
        made = self.source != "dhp19"
        if made and (self.clips < 1 or self.validation_clips < 1):
            raise ValueError(
                f"clips and validation_clips must be at least 1, got {self.clips} and "
                f"{self.validation_clips}"
            )
        if made and self.validation_clips > MOST_VALIDATION_CLIPS:
            raise ValueError(
                f"validation_clips must be at most {MOST_VALIDATION_CLIPS}: each shows a person of "
                f"its own, and those that follow are trained on; got {self.validation_clips}"
            )
        if made and not self.held_out_movements:
            raise ValueError("held_out_movements must name one: validation clips show them")
        if wrong := [m for m in self.held_out_movements if not 1 <= m <= 33]:
            raise ValueError(f"held_out_movements are DHP19's numbers 1 to 33, got {wrong}")
        if not 0 < self.seconds <= 3600 or not 0 <= self.free_share <= 1:
            raise ValueError(
                "seconds in 0..3600 and free_share in 0..1 expected, got "
                f"{self.seconds} and {self.free_share}"
            )
        if self.seed < 0 or self.step_ms < 1:
            raise ValueError(
                f"seed >= 0 and step_ms >= 1 expected, got {self.seed} and {self.step_ms}"
            )


@dataclass(frozen=True)
class AugmentationConfig:
    """What is varied at random; recipe "ours".

    Attributes:
        mirror: share of sequences that are mirrored, left and right joints swapped.
        scale: side of the crop, in sides of the plain one, drawn between the two.
        shift: the crop moves by up to so many pixels.
        drop: share of events that are dropped, one of these.
        noise_hz: added noise, up to so many events per pixel and second.
        time_scale: speed of the motion, drawn between the two.
        background: share of sequences that show no person.
    """

    mirror: float = 0.5
    scale: tuple[float, float] = (0.906, 1.14)
    shift: int = 14
    drop: tuple[float, ...] = (0.0, 0.1, 0.25)
    noise_hz: float = 0.06
    time_scale: tuple[float, float] = (1.0, 1.0)
    background: float = 0.1

    def __post_init__(self) -> None:
        if not (0.5 <= self.scale[0] <= self.scale[1] <= 1.25) or not 0 <= self.shift <= 16:
            raise ValueError(
                f"scale must rise within 0.5..1.25 and shift lie in 0..16 px, got {self.scale} "
                f"and {self.shift}"
            )
        if not 0.25 <= self.time_scale[0] <= self.time_scale[1] <= 4.0:
            raise ValueError(f"time_scale must rise within 0.25..4, got {self.time_scale}")
        shares = (self.mirror, self.background, *self.drop)
        if not self.drop or min(shares) < 0 or max(shares) > 1 or self.noise_hz < 0:
            raise ValueError(
                f"mirror, drop and background are shares in 0..1, noise_hz >= 0; got {self}"
            )
