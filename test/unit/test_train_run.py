"""Whole runs: every kind trains, a killed run goes on alike, nothing of another run is mixed in."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hybrid_pose_ros.cli.main import main
from hybrid_pose_ros.errors import ConfigError, RecordingError, WeightsError
from hybrid_pose_ros.models.checkpoint import load_checkpoint, read_notes, save_checkpoint
from hybrid_pose_ros.models.presets import build, name_of
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.train.batches import ValidationBatches
from hybrid_pose_ros.train.calibration import NOTE
from hybrid_pose_ros.train.config import StageConfig
from hybrid_pose_ros.train.config_file import load_train_config
from hybrid_pose_ros.train.data_config import DataConfig
from hybrid_pose_ros.train.identity import finished, identity
from hybrid_pose_ros.train.module import Stage
from hybrid_pose_ros.train.objective import Answer, errors, run_network
from hybrid_pose_ros.train.parts import go_on_from, parts_of, stages_of
from hybrid_pose_ros.train.picture import picture
from hybrid_pose_ros.train.preflight import check
from hybrid_pose_ros.train.run import Run, prepare, train_stage
from hybrid_pose_ros.train.samples import Batch, windows_for


@pytest.fixture
def losses(monkeypatch):
    """Every loss that is logged, in order."""
    seen = []
    step = Stage.training_step

    def noted(self, batch, index):
        loss = step(self, batch, index)
        seen.append((self.global_step, loss.item()))
        return loss

    monkeypatch.setattr(Stage, "training_step", noted)
    return seen


@pytest.mark.parametrize("kind", ["hybrid_cnn_snn", "hybrid_cnn_rnn"])
def test_every_kind_of_the_lite_networks_trains_by_our_recipe(tiny, run_of, tmp_path, kind):
    config = tiny(tmp_path)
    run = run_of(f"lite/{kind}", config)
    stages = stages_of(run.name, config)
    assert stages == ["cnn", kind[-3:], kind]
    for stage in stages:
        before = prepare(run, stage).state_dict()
        model = train_stage(run, stage)
        again = load_checkpoint(tmp_path / f"{stage}.safetensors")
        assert name_of(again) == f"lite/{stage}"
        assert any(not torch.equal(before[k], v) for k, v in model.state_dict().items())
        for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True):
            assert torch.equal(a, b)
        notes = read_notes(tmp_path / f"{stage}.safetensors")
        assert json.loads(notes[NOTE])["table"]
    # The frozen CNN of the hybrid is the CNN.
    cnn = load_checkpoint(tmp_path / "cnn.safetensors").state_dict()
    assert all(torch.equal(model.state_dict()[key], value) or key.startswith("cnn.head")
               for key, value in cnn.items())  # fmt: skip
    logs = EventAccumulator(str(tmp_path / "logs" / kind)).Reload()
    assert {"loss", "heatmaps", "val_px", "val_px_last"} <= set(logs.Tags()["scalars"])
    assert [image.step for image in logs.Images("val")] == [2]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cnn", "snn", "rnn", "hybrid_cnn_snn", "hybrid_cnn_rnn"])
def test_every_kind_of_the_paper_networks_makes_a_step_as_published(run_of, tmp_path, kind):
    config = dataclasses.replace(
        load_train_config(share_path("config", "train_published.yaml")),
        output=str(tmp_path), network={"input_size": 32}, threads=1,
        data=DataConfig(), cnn=StageConfig(1, 1e-4, steps=1),
        **{name: StageConfig(1, 1e-4, steps=1, bins=(2, 2)) for name in ("snn", "rnn", "hybrid")},
    )  # fmt: skip
    trainer = dataclasses.replace(
        config.trainer, accelerator="cpu", workers=0, checks=1, save_params=False, keep="last"
    )
    config = dataclasses.replace(config, trainer=trainer)
    run = run_of(f"paper/{kind}", config)
    run.models["cnn"] = build("paper/cnn", {"input_size": 32})
    before = {k: v.clone() for k, v in prepare(run, kind).state_dict().items()}
    after = train_stage(run, kind).state_dict()
    changed = {key for key, value in after.items() if not torch.equal(value, before[key])}
    assert changed and not [key for key in changed if "_cnn." in key]
    assert not list(tmp_path.glob("*.safetensors"))


@pytest.mark.parametrize("kind", ["cnn", "snn", "rnn", "hybrid_cnn_snn"])
def test_the_loss_falls_on_what_is_seen_again_and_again(
    tiny, run_of, blob_view, tmp_path, losses, kind
):
    config = tiny(tmp_path, steps=24, check_every=24, save_params=False, save_runs=False)
    stage = StageConfig(4, 1e-2, steps=24, bins=(5, 5), cnn_rate=1.0)
    config = dataclasses.replace(
        config, cnn=dataclasses.replace(stage, bins=(0, 0)), snn=stage, rnn=stage, hybrid=stage
    )
    run = run_of(f"lite/{kind}", config)
    torch.manual_seed(0)
    run.models.update({part: build(f"lite/{part}", config.network) for part in parts_of(kind)})
    model = train_stage(run, kind)
    values = [loss for _, loss in losses]
    assert np.mean(values[-4:]) < np.mean(values[:4]) - 0.3
    windows = windows_for("ours", config.data, model.config)
    checks = ValidationBatches([blob_view()], windows, 0 if kind == "cnn" else 5, 1)[0]
    assert errors(model, run_network(model, checks)).mean() < 30
    assert not list(tmp_path.rglob("*.ckpt")) and not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize("recipe", ["ours", "published"])
def test_a_killed_run_goes_on_with_the_same_curve(
    tiny, run_of, tmp_path, monkeypatch, losses, capsys, recipe
):
    def settings(name):
        config = tiny(tmp_path / name, steps=6)
        if recipe == "published":
            config = dataclasses.replace(
                config, recipe=recipe, augmentation=type(config.augmentation)(),
                loss=dataclasses.replace(config.loss, states=0.05),
            )  # fmt: skip
        return config

    def fit(name):
        run = run_of("lite/hybrid_cnn_snn", settings(name))
        run.models["cnn"] = build("lite/cnn", run.config.network)
        run.models["snn"] = build("lite/snn", run.config.network)
        return train_stage(run, "hybrid_cnn_snn")

    torch.manual_seed(0)
    parts = [build(f"lite/{part}", tiny(tmp_path).network) for part in ("cnn", "snn")]
    by_name = {"lite/cnn": parts[0], "lite/snn": parts[1]}
    monkeypatch.setitem(globals(), "build", lambda name, _settings=None: by_name[name])
    whole = fit("whole")
    expected = list(losses)
    assert [step for step, _ in expected] == list(range(6))
    losses.clear()

    class KilledError(Exception):
        pass

    step = Stage.training_step

    def killed(self, batch, index):
        if self.global_step == 3:
            raise KilledError
        return step(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(Stage, "training_step", killed)
        with pytest.raises(KilledError):
            fit("resumed")
    assert losses == expected[:3]
    losses.clear()
    resumed = fit("resumed")
    assert losses == expected[2:]  # from the checkpoint after step 2
    assert "hybrid_cnn_snn goes on from " in capsys.readouterr().err
    curves = [curve_of(tmp_path / name / "logs/hybrid_cnn_snn") for name in ("whole", "resumed")]
    assert curves[0] == curves[1] and {step for _, step in curves[0]} == {1, 3, 5}
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    losses.clear()
    fit("resumed")  # finished: nothing is left to do
    assert not losses
    assert "has been trained already" in capsys.readouterr().err


def curve_of(folder):
    """(tag, step) -> value of everything in the TensorBoard logs of a run and its continuation."""
    return {
        (tag, event.step): event.value
        for path in sorted(folder.glob("*tfevents*"), key=lambda path: path.name.split("."))
        for log in [EventAccumulator(str(path)).Reload()]
        for tag in log.Tags()["scalars"]
        for event in log.Scalars(tag)
    }


def test_training_stops_early_and_keeps_the_best(tiny, run_of, tmp_path, losses, monkeypatch):
    errors_px = iter([9.0, 5.0, 6.0, 7.0, 8.0])

    def worse(self, batch, _index):
        self.log("val_px", next(errors_px))

    monkeypatch.setattr(Stage, "validation_step", worse)
    config = tiny(tmp_path, steps=20, patience=2, keep="best")
    run = run_of("lite/cnn", config)
    model = train_stage(run, "cnn")
    assert [step for step, _ in losses] == list(range(8))  # best after 4, then two worse ones
    best = torch.load(tmp_path / "cnn/best.ckpt", weights_only=False)
    last = torch.load(tmp_path / "cnn/last.ckpt", weights_only=False)
    assert (best["global_step"], last["global_step"]) == (4, 8)
    name = "cnn.c1.0.0.weight"
    assert torch.equal(model.state_dict()[name], best["state_dict"][f"model.{name}"])


def test_weights_say_how_they_were_made(tiny, run_of, tmp_path):
    train_stage(run_of("lite/cnn", tiny(tmp_path)), "cnn")
    notes = read_notes(tmp_path / "cnn.safetensors")
    settings = json.loads(notes["settings"])
    assert settings["seed"] == 7 and settings["stage"]["steps"] == 2
    assert "val_px" in notes["figures"]


def test_the_command_trains_on_dhp19_files_and_names_errors(
    write_dhp19, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write_dhp19(tmp_path / "h5", "S1_session1_mov1")
    write_dhp19(tmp_path / "h5", "S13_session1_mov1")
    text = """
        network: {input_size: 32, cnn_widths: [8, 8, 16, 16]}
        threads: 1
        data: {source: dhp19, folder: h5, cameras: [cam3]}
        trainer: {check_every: 2, checks: 1, accelerator: cpu, workers: 2}
        cnn: {steps: 2, batch: 2, learning_rate: 1.0e-3}
    """
    (tmp_path / "mine.yaml").write_text(text.replace("\n        ", "\n"))
    command = [
        "train",
        "lite/cnn",
        "--config",
        "mine.yaml",
        "--output-path",
        "out",
        "--no-save_runs",
    ]
    assert main(command) == 0
    assert capsys.readouterr().out == "out/cnn.safetensors\n"
    assert not (tmp_path / "out/logs").exists() and (tmp_path / "out/lite_cnn.yaml").exists()
    assert "truth in window" in (tmp_path / "out/cnn_reliability.md").read_text()
    assert main([*command, "--no-save_params", "--output-path", "other"]) == 0
    assert capsys.readouterr().out == ""  # no file to name
    assert not (tmp_path / "other/cnn.safetensors").exists()
    assert main([*command[:2], "--config", "mine.yaml", "--simulate-only"]) == 2
    (tmp_path / "mine.yaml").write_text("cn: {steps: 2}")
    assert main(command) == 2
    assert "'cn' (did you mean 'cnn'?)" in capsys.readouterr().err


def test_published_checkpoints_become_the_parts_of_a_hybrid(tmp_path):
    initial = {}
    for part in ("cnn", "snn"):
        torch.manual_seed(len(initial))
        source = build(f"paper/{part}").state_dict()
        torch.save(source, tmp_path / f"{part}.pt")
        initial[part] = str(tmp_path / f"{part}.pt")
    config = load_train_config(share_path("config", "train_published.yaml"))
    config = dataclasses.replace(config, initial=initial)
    assert stages_of("paper/hybrid_cnn_snn", config) == ["hybrid_cnn_snn"]
    run = Run("paper/hybrid_cnn_snn", config, [], [], {})
    hybrid = prepare(run, "hybrid_cnn_snn").state_dict()
    cnn = torch.load(tmp_path / "cnn.pt")
    assert torch.equal(hybrid["down2_cnn.conv1.weight"], cnn["down2.conv1.weight"])
    assert torch.equal(hybrid["static_conv_snn.conv2d.weight"], source["static_conv.0.weight"])


@pytest.mark.parametrize("kind", ["hybrid_cnn_snn", "snn"])
def test_a_network_with_motion_goes_on_from_one_without(tiny, tmp_path, kind):
    config = tiny(tmp_path)
    earlier = build("lite/hybrid_cnn_snn", config.network)
    save_checkpoint(earlier, tmp_path / "earlier.safetensors")
    config = dataclasses.replace(
        config,
        network=config.network | {"motion": True},
        start={kind: str(tmp_path / "earlier.safetensors")},
    )
    assert stages_of(f"lite/{kind}", config) == [kind]
    model = prepare(Run(f"lite/{kind}", config, [], [], {}), kind).eval()
    bins = torch.poisson(torch.full((3, 2, 2, *2 * [model.config.input_size]), 0.3))
    results = []
    for network in (earlier.eval(), model):
        network.reset(2)
        states = [torch.zeros_like(s) for s in network.states]
        network.set_states([s + 0.9 if s.shape[-1] > 1 else s for s in states])
        with torch.no_grad():
            results.append(network.rollout(bins))
    # Nothing moves yet: the new maps are zero.
    torch.testing.assert_close(*results)
    assert results[0].abs().max() > 0


def test_start_weights_of_other_settings_are_named(tiny, tmp_path, capsys):
    config = tiny(tmp_path / "run", steps=1)
    earlier = build("lite/cnn", config.network)
    save_checkpoint(earlier, tmp_path / "earlier.safetensors")
    config = dataclasses.replace(config, start={"cnn": str(tmp_path / "earlier.safetensors")})
    assert go_on_from(build("lite/cnn", config.network), tmp_path / "earlier.safetensors") == []
    config = dataclasses.replace(config, network=config.network | {"tau": 5.0})
    check("lite/cnn", config, ["cnn"])
    assert "earlier.safetensors was trained with tau 3.0 (now 5.0)" in capsys.readouterr().err


def test_weights_come_last_so_that_a_stage_cut_short_is_run_again(
    tiny, run_of, tmp_path, monkeypatch
):
    config = tiny(tmp_path, steps=1)

    def full(self, text, **_):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_text", full)
        with pytest.raises(RecordingError, match=r"reliability\.md could not be written: no space"):
            train_stage(run_of("lite/cnn", config), "cnn")
    assert not (tmp_path / "cnn.safetensors").exists()
    train_stage(run_of("lite/cnn", config), "cnn")
    assert (tmp_path / "cnn.safetensors").exists() and (tmp_path / "cnn_reliability.md").exists()


def test_the_same_settings_in_another_order_are_the_same_run(tiny, tmp_path):
    config = tiny(tmp_path)
    model = build("lite/cnn", config.network)
    tag = identity(model, config.cnn, config)
    turned = json.dumps(dict(reversed(json.loads(tag).items())))
    save_checkpoint(model, tmp_path / "cnn.safetensors", {"settings": turned})
    assert finished(tmp_path / "cnn.safetensors", tag)
    trainer = dataclasses.replace(config.trainer, keep="best", precision="64-true")
    other = identity(model, config.cnn, dataclasses.replace(config, trainer=trainer))
    with pytest.raises(ConfigError, match=r"keep: last there, best here; precision: 32-true"):
        finished(tmp_path / "cnn.safetensors", other)


def test_shipped_weights_are_found_from_any_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    model = build("lite/cnn")
    assert go_on_from(model, "weights/lite_cnn.safetensors") == []
    with pytest.raises(WeightsError, match=r"no weights at weights/lite_tree\.safetensors"):
        go_on_from(model, "weights/lite_tree.safetensors")


@pytest.mark.parametrize(
    ("bins", "delay", "faster", "least"),
    # 0.2 s before the first keyframe; the longest sequence, sped up; validation has 30 bins.
    [((10, 40), (0, 0), 1.3, 0.72), ((10, 40), (0, 10), 1.0, 0.7), ((1, 2), (0, 0), 1.0, 0.5)],
)
def test_clips_too_short_for_a_stage_are_named_first(tiny, tmp_path, bins, delay, faster, least):
    config = tiny(tmp_path / "run", steps=1)
    config = dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, seconds=round(least - 0.01, 2)),
        augmentation=dataclasses.replace(config.augmentation, time_scale=(1.0, faster)),
        snn=dataclasses.replace(config.snn, bins=bins, delay=delay),
    )
    with pytest.raises(ConfigError, match=f"too short for the snn: .* clips of {least:.2f} s"):
        check("lite/snn", config, ["snn"])
    assert not (tmp_path / "run").exists()
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, seconds=least))
    check("lite/snn", config, ["snn"])


def test_pictures_show_events_truth_and_peaks():
    bins = torch.zeros(2, 1, 2, 32, 32)
    bins[-1, 0, 1, 8, 4] = 3.0
    heatmaps = torch.zeros(2, 1, 13, 16, 16)
    heatmaps[-1, 0, :, 12, 9] = 1.0
    cells = torch.full((2, 1, 13, 2), 3.0)
    cells[-1, 0, 5] = torch.nan
    batch = Batch(
        torch.zeros(1, 1, 20, 32, 32), bins, cells, torch.tensor([True]), torch.tensor([0])
    )
    image = picture(batch, Answer(heatmaps, cells, None))
    assert image.shape == (256, 256, 3)
    assert image[8 * 8 + 3, 4 * 8 + 3].tolist() == [75, 75, 75]
    assert image[56, 56].tolist() == [0, 200, 0] and image[200, 152].tolist() == [230, 30, 30]
    assert (image == 255).all(-1).mean() > 0.99
