"""Which networks a network is trained from, and their weights in its places."""

from __future__ import annotations

from pathlib import Path

import torch

from hybrid_pose_ros.errors import ConfigError, WeightsError
from hybrid_pose_ros.models.checkpoint import PUBLISHED_SUFFIXES, load_checkpoint
from hybrid_pose_ros.models.lite.initialiser import RestingPotential
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.presets import KINDS, PRESETS, build, name_of
from hybrid_pose_ros.models.published import load_published, read_state_dict
from hybrid_pose_ros.resources import own_or_shared
from hybrid_pose_ros.settings import unknown_keys
from hybrid_pose_ros.train.config import StageConfig, TrainConfig

# What only a network with `motion`, or with `carry`, has.
NEW_KEYS = (
    "keep_logit", "log_noise", "sharpness", "first_motion.weight", "first_motion.bias",
    "carry.share_logit", "carry.still", "carry.velocity_logit",
)  # fmt: skip

# Recipe -> kind -> stages, each a network of its own; as published, only the CNN comes first.
STAGES: dict[str, dict[str, tuple[str, ...]]] = {
    "ours": {
        "hybrid_cnn_snn": ("cnn", "snn", "hybrid_cnn_snn"),
        "hybrid_cnn_rnn": ("cnn", "rnn", "hybrid_cnn_rnn"),
    },
    "published": {
        "hybrid_cnn_snn": ("cnn", "hybrid_cnn_snn"),
        "hybrid_cnn_rnn": ("cnn", "hybrid_cnn_rnn"),
    },
}


def parts_of(kind: str) -> tuple[str, ...]:
    """Kinds of the networks that a hybrid is put together from; none for another network."""
    return STAGES["ours"].get(kind, (kind,))[:-1]


def stages_of(name: str, config: TrainConfig) -> list[str]:
    """The stages of a run in their order: kinds of networks, the last one the network itself.

    Raises:
        ConfigError: unknown network, a stage without settings, or a wrong key in `initial`.
    """
    if name not in PRESETS:
        raise ConfigError(f"unknown network '{name}'; choose one of {', '.join(PRESETS)}")
    kind = name.split("/")[1]
    unknown_keys(config.initial, list(KINDS), "initial")
    unknown_keys(config.start, list(KINDS), "start")
    stages = STAGES[config.recipe].get(kind, (kind,))
    if kind in config.start:  # it has been put together before
        stages = tuple(stage for stage in stages if stage in config.start)
    chosen = [stage for stage in stages if stage == kind or stage not in config.initial]
    for stage in chosen:
        stage_settings(config, stage)
    return chosen


def stage_settings(config: TrainConfig, kind: str) -> StageConfig:
    """Settings of the stage that trains a network of this kind.

    Raises:
        ConfigError: there are none.
    """
    key = "hybrid" if kind.startswith("hybrid") else kind
    settings: StageConfig | None = getattr(config, key)
    if settings is None:
        raise ConfigError(
            f"the settings have no '{key}', which says how the {kind} is trained: "
            "steps, batch, learning_rate" + (", bins" if key != "cnn" else "")
        )
    return settings


def load_part(path: Path, name: str) -> PoseNetwork:
    """A network of that name from our weights, or from a published .pt checkpoint.

    Raises:
        WeightsError: missing, damaged, or of another network.
    """
    path = own_or_shared(path)
    if path.suffix in PUBLISHED_SUFFIXES:
        model = build(name)
        if model.config.preset != "paper":
            raise WeightsError(
                f"{path} is a published checkpoint, which fits the 'paper' networks, not {name}"
            )
        load_published(model, read_state_dict(path))
        return model
    model = load_checkpoint(path)
    if name_of(model) != name:
        raise WeightsError(f"weights {path} are of {name_of(model)}, but {name} is needed here")
    return model


def go_on_from(model: PoseNetwork, path: Path) -> list[str]:
    """Give a network the weights of an earlier one, in place.

    That may be a hybrid that the network is part of, and one without `motion`: the new maps of its
    head are zero then, so that nothing moves yet; so are the weights of delays that it
    lacks. One without `carry` begins with the usual shares,
    one without `rest` with resting potentials of zero.

    Returns:
        Settings in which the two differ, in words: many of them show in no tensor (tau, say).

    Raises:
        WeightsError: missing, damaged, or not of such a network.
    """
    earlier = load_checkpoint(own_or_shared(path))
    given, own = earlier.state_dict(), model.state_dict()
    fitting = {}
    for key, value in own.items():
        if key not in given:
            continue
        old = given[key]
        if key.endswith("head.weight") and len(old) < len(value):
            old = torch.cat([old, old.new_zeros(len(value) - len(old), *old.shape[1:])])
        if key.endswith("s0.conv.weight"):
            if not set(earlier.delays) <= set(model.delays):
                raise WeightsError(
                    f"weights {path} have delays {list(earlier.delays)}, the network "
                    f"{list(model.delays)}: it needs at least theirs, network: {{delays: ...}}"
                )
            old = _by_delay(old, earlier.delays, model.delays)
        if old.shape == value.shape:
            fitting[key] = old
    new = {*NEW_KEYS, *_resting_keys(model)}
    lacking = [key for key in own if key not in fitting and key not in new]
    if lacking:
        raise WeightsError(
            f"weights {path} are of {name_of(earlier)}; a {name_of(model)} cannot go on from them: "
            f"{', '.join(lacking[:5])}" + (" ..." if len(lacking) > 5 else "")
        )
    model.load_state_dict(fitting, strict=False)
    before, now = earlier.config.asdict(), model.config.asdict()
    now.pop("lead", None)  # fitted anew
    return [f"{k} {before.get(k)} (now {v})" for k, v in now.items() if before.get(k) != v]


def _by_delay(weight: torch.Tensor, before: tuple[int, ...], now: tuple[int, ...]) -> torch.Tensor:
    """A first layer's weights (C, 2 D, k, k) for other delays: zero for those that are new."""
    known = dict(zip(before, weight.chunk(len(before), 1), strict=True))
    nothing = torch.zeros_like(known[0])
    return torch.cat([known.get(delay, nothing) for delay in now], 1)


def _resting_keys(model: PoseNetwork) -> list[str]:
    """Parameters of resting potentials, which begin at zero."""
    return [
        f"{name}.{key}"
        for name, module in model.named_modules()
        if isinstance(module, RestingPotential)
        for key in module.state_dict()
    ]


def put_in(model: PoseNetwork, part: PoseNetwork, where: str) -> None:
    """Copy the weights of a part into a network, in place; those of the same network too.

    Raises:
        WeightsError: they do not fit; `where` is named.
    """
    state = part.state_dict()
    if model.config.preset == "paper":
        try:
            load_published(model, state)
        except WeightsError as error:
            raise WeightsError(f"{where}: {error}") from error
        return
    own = model.state_dict()
    wrong = [key for key, value in state.items() if key not in own or own[key].shape != value.shape]
    if wrong:
        raise WeightsError(
            f"{where}: weights of {name_of(part)} do not fit {name_of(model)} with these network "
            f"settings: {', '.join(wrong[:5])}" + (" ..." if len(wrong) > 5 else "")
        )
    model.load_state_dict(state, strict=False)
