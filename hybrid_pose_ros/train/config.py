"""Every setting of a training run. `config_file.py` reads them from YAML."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from hybrid_pose_ros.train.data_config import AugmentationConfig, DataConfig, one_of

RECIPES = ("ours", "published")
LEAST_GAP = 4  # bins between keyframes


@dataclass(frozen=True)
class LossConfig:
    """What is minimised.

    Attributes:
        sigma: width of the target around a joint, heatmap cells; "lite" networks, recipe "ours".
        spikes: weight of the mean spike rate, so that fewer spikes are spent.
        states: share (0..1) of the published loss between the membranes after the last bin and
            what the initialisers say of the next keyframe; hybrid CNN-SNN.
        fast: how much more a joint counts that moves 8 px per 100 ms than one at rest (at three
            times that speed three times as much more, and no more beyond); "lite" networks.
        velocity: weight of the distance between the joints' velocities and what a network with
            `motion` says of them (smooth L1, cells per bin).
    """

    sigma: float = 0.8
    spikes: float = 0.0
    states: float = 0.0
    fast: float = 0.0
    velocity: float = 1.0

    def __post_init__(self) -> None:
        weights = (self.spikes, self.fast, self.velocity)
        if self.sigma <= 0 or min(weights) < 0 or not 0 <= self.states < 1:
            raise ValueError(
                f"sigma > 0, spikes, fast and velocity >= 0, 0 <= states < 1 expected, got {self}"
            )


@dataclass(frozen=True)
class StageConfig:
    """One stage of training: one network.

    Attributes:
        steps: optimiser steps; or
        epochs: passes over all sequences (recipe "published").
        batch: sequences of the longest kind per step and device; recipe "ours" takes as many more
            as the sequences of a step are shorter.
        learning_rate: peak of a one-cycle schedule ("ours"), or constant ("published").
        bins: steps of a sequence after its first keyframe, drawn between the two.
        keyframes: of a sequence: how many there are, drawn between the two; those after the first
            come at random bins, `LEAST_GAP` apart.
        delay: so many steps more, as the next keyframe arrives late, drawn between the two.
        cnn_rate: hybrids: learning rate of the CNN, relative; 0 = frozen. Its batch norms never
            move.
        still_norms: nor do those of the recurrent part.
        rates: learning rates of some weights, relative: the beginning of their names -> factor.
            New weights among trained ones (those of `delays`, say) want more than these.
    """

    batch: int
    learning_rate: float
    steps: int = 0
    epochs: int = 0
    bins: tuple[int, int] = (0, 0)
    keyframes: tuple[int, int] = (1, 1)
    delay: tuple[int, int] = (0, 0)
    cnn_rate: float = 0.0
    still_norms: bool = False
    rates: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.batch < 1 or self.learning_rate <= 0:
            raise ValueError(f"batch and learning_rate must be positive, got {self}")
        if (self.steps > 0) == (self.epochs > 0) or self.steps < 0 or self.epochs < 0:
            raise ValueError(f"either steps or epochs must be positive, got {self}")
        for name, least in (("bins", 0), ("delay", 0), ("keyframes", 1)):
            low, high = getattr(self, name)
            if not least <= low <= high:
                raise ValueError(f"{name} must rise from {least} on, got {(low, high)}")
        if self.keyframes[1] > 1 and self.keyframes[1] * LEAST_GAP > self.bins[0]:
            raise ValueError(
                f"{self.keyframes[1]} keyframes, {LEAST_GAP} bins apart, need more than "
                f"{self.bins[0]} bins"
            )
        if self.cnn_rate < 0:
            raise ValueError(f"cnn_rate must be >= 0, got {self.cnn_rate}")
        if any(factor <= 0 for factor in self.rates.values()):
            raise ValueError(f"rates must be positive, got {self.rates}")

    @property
    def longest(self) -> int:
        """Bins of the longest sequence."""
        return self.bins[1] + self.delay[1]


@dataclass(frozen=True)
class TrainerConfig:
    """How Lightning runs it; the first five settings are its own.

    Attributes:
        accelerator, devices, num_nodes, strategy, precision: see lightning.Trainer.
        workers: processes that make batches beside the training.
        check_every: steps between validations; a checkpoint follows each.
        checks: batches per validation.
        patience: stop after so many validations without a better one; 0 = never.
        keep: weights of the "last" or of the "best" validation.
        save_params: keep checkpoints and weights.
        save_runs: write TensorBoard logs.
        tb_name: of the logs' folder.
    """

    accelerator: str = "auto"
    devices: int | str | tuple[int, ...] = "auto"
    num_nodes: int = 1
    strategy: str = "auto"
    precision: str = "32-true"
    workers: int = 0
    check_every: int = 250
    checks: int = 6
    patience: int = 0
    keep: str = "last"
    save_params: bool = True
    save_runs: bool = True
    tb_name: str = "logs"

    def __post_init__(self) -> None:
        one_of("keep", self.keep, ("last", "best"))
        if self.check_every < 1 or self.checks < 1 or self.workers < 0 or self.patience < 0:
            raise ValueError(
                f"check_every and checks must be positive, workers and patience >= 0, got {self}"
            )
        if not self.save_params and self.keep == "best":
            raise ValueError("keep: best needs save_params")


@dataclass(frozen=True)
class TrainConfig:
    """A whole run; `config/train_lite.yaml` is the last one that made the shipped hybrid.

    Attributes:
        recipe: "ours" or "published".
        output: folder of checkpoints, logs and weights.
        seed: of first weights, sequences and augmentation.
        threads: of the CPU.
        initial: kind -> weights to start from; a part of a hybrid that has some is not trained.
        start: kind -> weights that its stage goes on from, also those of a hybrid that it is part
            of, or of the same network without `motion`, `carry`, `rest` or some `delays`.
        network: settings that differ from the preset's.
        cnn, snn, rnn, hybrid: the stages; a network needs those of its parts.
    """

    recipe: str = "ours"
    output: str = "out/train/lite"
    seed: int = 7
    threads: int = 2
    initial: dict[str, str] = field(default_factory=dict)
    start: dict[str, str] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)
    data: DataConfig = field(default_factory=DataConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    cnn: StageConfig | None = None
    snn: StageConfig | None = None
    rnn: StageConfig | None = None
    hybrid: StageConfig | None = None

    def __post_init__(self) -> None:
        one_of("recipe", self.recipe, RECIPES)
        if self.threads < 1 or self.seed < 0:
            raise ValueError(
                f"threads >= 1 and seed >= 0 expected, got {self.threads} and {self.seed}"
            )
        if self.recipe == "published" and self.augmentation != AugmentationConfig():
            raise ValueError("augmentation belongs to the recipe 'ours', remove it")
        ours = self.recipe == "ours"
        if self.data.source == "fresh" and (not ours or self.trainer.workers):
            raise ValueError("data.source fresh needs recipe: ours and trainer.workers: 0")
        for name in ("cnn", "snn", "rnn", "hybrid"):
            stage = getattr(self, name)
            if stage is None:
                continue
            if ours and stage.epochs:
                raise ValueError(f"{name}: epochs belong to the recipe 'published', give steps")
            if name != "cnn" and stage.bins[0] < 1:
                raise ValueError(f"{name}: bins must be at least 1, got {stage.bins}")


def plain(config: Any) -> Any:
    """Settings as YAML and JSON hold them: dicts and lists; unset stages are left out."""
    if dataclasses.is_dataclass(config):
        fields = dataclasses.fields(config)
        pairs = [(f.name, plain(getattr(config, f.name))) for f in fields]
        return {name: value for name, value in pairs if value is not None}
    if isinstance(config, dict):
        return {key: plain(value) for key, value in config.items()}
    return [plain(value) for value in config] if isinstance(config, tuple) else config
