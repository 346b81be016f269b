"""Training settings: strict YAML, the flags and .ini files of the published code."""

import argparse
import dataclasses

import pytest
import yaml

from hybrid_pose_ros.cli import train as verb
from hybrid_pose_ros.cli.train_flags import apply_flags
from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.train.config import TrainConfig, plain
from hybrid_pose_ros.train.config_file import build_config, load_train_config
from hybrid_pose_ros.train.parts import go_on_from, stages_of

ALONE = {
    "train_lite.yaml": ("hybrid_cnn_snn",), "train_lite_cnn.yaml": ("cnn",),
    "train_lite_snn.yaml": ("snn",), "train_lite_rnn.yaml": ("rnn",),
    "train_lite_hybrid_cnn_rnn.yaml": ("hybrid_cnn_rnn",),
}  # fmt: skip
SHIPPED = sorted(path.name for path in share_path("config").glob("train_*.yaml"))


def parse(*args):
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    return parser.parse_args(args)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_settings_load_train_every_network_and_are_read_back(name):
    config = load_train_config(share_path("config", name))
    family = "paper" if name == "train_published.yaml" else "lite"
    kinds = ("cnn", "snn", "rnn", "hybrid_cnn_snn", "hybrid_cnn_rnn")
    for kind in ALONE.get(name, kinds):
        assert stages_of(f"{family}/{kind}", config)[-1] == kind
    again = build_config(yaml.safe_load(yaml.safe_dump(plain(config))), "again")
    assert again == config


def test_the_shipped_settings_hold_out_the_demo():
    configs = {name: load_train_config(share_path("config", name)) for name in ALONE}
    data = configs["train_lite.yaml"].data
    assert {7, 8, 22, 27, 28} <= set(data.held_out_movements)
    for config in configs.values():  # other clips, but the same is held out of them
        made = {key: getattr(data, key) for key in ("folder", "clips", "seed", "free_share")}
        assert dataclasses.replace(config.data, **made) == data
        clips = {c.data.folder for c in configs.values() if c.data.seed == config.data.seed}
        assert clips == {config.data.folder}


@pytest.mark.parametrize("name", sorted(ALONE))
def test_the_shipped_settings_go_on_from_the_shipped_weights(name):
    config = load_train_config(share_path("config", name))
    for kind, weights in config.start.items():
        model = build(f"lite/{kind}", config.network)
        go_on_from(model, share_path(*weights.split("/")))


def test_as_published_means_the_published_numbers():
    config = load_train_config(share_path("config", "train_published.yaml"))
    assert stages_of("paper/hybrid_cnn_snn", config) == ["cnn", "hybrid_cnn_snn"]
    assert (config.cnn.batch, config.cnn.learning_rate) == (8, 1e-4)
    assert (config.hybrid.batch, config.hybrid.learning_rate) == (2, 5e-5)
    assert (config.rnn.learning_rate, config.hybrid.bins) == (1e-4, (10, 10))
    assert config.loss.states == 0.05 and config.data.cameras == ("cam3",)
    assert config.data.validation_subjects == (13, 14, 15, 16, 17)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cnn: {step: 3, batch: 1, learning_rate: 1}", "'step' .did you mean 'steps'"),
        ("thraeds: 1", "'thraeds' .did you mean 'threads'"),
        ("data: {fodler: x}", "data: unknown settings 'fodler' .did you mean 'folder'"),
        ("trainer: {device: 1}", "did you mean 'devices'"),
        ("zzz: 1", "unknown settings 'zzz'; known are augmentation"),
        ("data: 3", "data must be a mapping"),
        ("cnn: {steps: 0, batch: 1, learning_rate: 0.1}", "either steps or epochs"),
        ("cnn: {steps: 1, batch: 0, learning_rate: 0.1}", "must be positive"),
        ("cnn: {steps: 1}", "cnn: batch, learning_rate must be given"),
        ("snn: {steps: 1, batch: 1, learning_rate: 1}", "snn: bins must be at least 1"),
        ("cnn: {epochs: 1, batch: 1, learning_rate: 1}", "epochs belong to the recipe"),
        ("hybrid: {steps: 1, batch: 1, learning_rate: 1, bins: [9, 3]}", "bins must rise"),
        ("trainer: {save_params: 'False'}", "save_params must be true or false, got 'False'"),
        ("trainer: {workers: true}", "workers must be a whole number"),
        ("trainer: {devices: [a]}", "devices has the wrong type"),
        ("data: {cameras: cam3}", "cameras must be a list"),
        ("recipe: mine", "recipe must be one of ours, published"),
        ("recipe: published\naugmentation: {mirror: 0.1}", "belongs to the recipe 'ours'"),
        ("augmentation: {time_scale: [0, 1]}", "time_scale must rise"),
        ("data: {source: dhp}", "source must be one of simulated, dhp19, fresh, got 'dhp'"),
        ("seed: 1.5", "seed must be a whole number"),
        ("seed: -1", "seed >= 0 expected"),
        ("threads: 0", "threads >= 1"),
        ("seed: 1\nseed: 2", "seed is given twice"),
        ("cnn: {steps: 1, steps: 2, batch: 1, learning_rate: 1}", "steps is given twice"),
        ("cnn: {steps: 1, batch: 1, learning_rate: .nan}", "learning_rate must be a finite number"),
        ("cnn: {steps: 1, batch: 1, learning_rate: 'inf'}", "must be a finite number, got inf"),
        ("data: {held_out_movements: [7, 34]}", "numbers 1 to 33, got .34."),
        ("data: {seconds: -1}", "seconds in 0..3600 and"),
        ("data: {free_share: 3}", "free_share in 0..1 expected"),
        ("data: {validation_clips: 501}", "at most 500: each shows a person of its own"),
        ("cnn: {batch: 2, learning_rate: 1, steps: 2, rates: {c1: 0}}", "rates must be positive"),
        ("data: {seed: -1}", "data: seed >= 0"),
        ("a: [", "cannot read"),
        ("[1, 2]", "must be a mapping"),
    ],
)
def test_wrong_settings_are_named(tmp_path, text, message):
    path = tmp_path / "train.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_train_config(path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tau": "fast"}, "network lite/snn: tau must be a number, got 'fast'"),
        ({"snn_widths": [8, 8]}, "snn_widths must be a list of 3"),
        ({"snn_widths": (8, 8, "x")}, "snn_widths must be a whole number, got 'x'"),
        ({"motion": 1}, "motion must be true or false, got 1"),
        ({"tua": 2.0}, "'tua' .did you mean 'tau'"),
    ],
)
def test_wrong_settings_of_a_network_are_named(settings, message):
    with pytest.raises(ConfigError, match=message):
        build("lite/snn", settings)


def test_numbers_are_read_as_yaml_writes_them():
    stage = {"steps": 3, "batch": 1, "learning_rate": "1e-3"}
    config = build_config({"cnn": stage, "trainer": {"devices": [0, 2]}}, "here")
    assert config.cnn.learning_rate == 1e-3 and config.trainer.devices == (0, 2)
    assert build_config({"trainer": {"devices": "auto"}}, "x").trainer.devices == "auto"


def test_a_network_without_its_stages_is_refused():
    stage = {"steps": 3, "batch": 1, "learning_rate": 1.0}
    config = build_config({"cnn": stage}, "here")
    with pytest.raises(ConfigError, match="no 'snn', which says how the snn is trained"):
        stages_of("lite/hybrid_cnn_snn", config)
    with pytest.raises(ConfigError, match="unknown network 'lite/gnn'"):
        stages_of("lite/gnn", config)
    wrong = dataclasses.replace(config, initial={"hybrid": "x"})
    with pytest.raises(ConfigError, match="initial: unknown settings 'hybrid'"):
        stages_of("lite/cnn", wrong)


def test_a_part_whose_weights_are_given_is_not_trained():
    config = load_train_config(share_path("config", "train_ours.yaml"))
    config = dataclasses.replace(config, initial={"cnn": "x", "snn": "y"})
    assert stages_of("lite/hybrid_cnn_snn", config) == ["hybrid_cnn_snn"]
    assert stages_of("lite/cnn", config) == ["cnn"]


@pytest.mark.parametrize("spelling", ["--no-save_runs", "--no_save_runs", "--no-save-runs"])
def test_flags_of_the_published_code(tmp_path, spelling):
    args = parse(
        "paper/cnn", "--config_path", "c.yaml", "--device", "cpu", "--output_path", "out/x",
        "--tb_name", "mine", spelling, "--no-save_params", "--no-init_with_pretrained",
    )  # fmt: skip
    config = TrainConfig(initial={"cnn": "a", "snn": "b"})
    changed = apply_flags(config, args)
    assert str(args.config) == "c.yaml" and changed.output == "out/x"
    trainer = changed.trainer
    assert (trainer.accelerator, trainer.devices, trainer.tb_name) == ("cpu", 1, "mine")
    assert not trainer.save_runs and not trainer.save_params
    assert changed.initial == {"cnn": "a"}


def test_without_flags_the_settings_stay():
    config = TrainConfig(initial={"cnn": "a", "snn": "b"})
    assert apply_flags(config, parse("lite")) == config
    flags = parse("lite", "--save-runs", "--save_params", "--init_with_pretrained")
    assert apply_flags(config, flags) == config


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "cpu:x"])
def test_devices_that_do_not_exist_are_named(device):
    with pytest.raises(ConfigError, match=f"--device.*{device}"):
        apply_flags(TrainConfig(), parse("lite", "--device", device))


def test_the_shipped_command_and_its_stages():
    args = parse("lite", "--stages", "hybrid", "--simulate-only")
    config = verb._settings(args, "lite/hybrid_cnn_snn")
    assert config == load_train_config(share_path("config", "train_lite.yaml"))
    assert verb._stages(args.stages, "lite/hybrid_cnn_snn", config) == ["hybrid_cnn_snn"]
    with pytest.raises(ConfigError, match=r"unknown stages \['rnn'\]; .* has hybrid_cnn_snn"):
        verb._stages("rnn", "lite/hybrid_cnn_snn", config)
    whole = load_train_config(share_path("config", "train_ours.yaml"))
    found = verb._stages("hybrid,cnn", "lite/hybrid_cnn_snn", whole)
    assert found == ["cnn", "hybrid_cnn_snn"]
