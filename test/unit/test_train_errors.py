"""Wrong weights, folders and results of other runs are named before anything is written."""

import dataclasses

import h5py
import pytest

from hybrid_pose_ros.errors import CalibrationError, ConfigError, RecordingError, WeightsError
from hybrid_pose_ros.models.checkpoint import save_checkpoint
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.train.config import StageConfig, TrainerConfig
from hybrid_pose_ros.train.data_config import DataConfig
from hybrid_pose_ros.train.run import train, train_stage


def test_results_of_other_settings_are_not_continued(tiny, run_of, tmp_path):
    config = tiny(tmp_path)
    train_stage(run_of("lite/cnn", config), "cnn")
    other = dataclasses.replace(config, seed=8, threads=2)
    with pytest.raises(ConfigError, match=r"other settings \(seed: 7 there, 8 here\); choose an"):
        train("lite/cnn", other)
    (tmp_path / "cnn.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"last\.ckpt is of a run with other settings"):
        train("lite/cnn", other)
    (tmp_path / "cnn/last.ckpt").write_bytes(b"rubbish")
    with pytest.raises(ConfigError, match=r"last\.ckpt is damaged"):
        train("lite/cnn", config)


def trainer(**settings):
    return {"trainer": TrainerConfig(**settings)}


@pytest.mark.parametrize("simulate_only", [True, False])
def test_unknown_cameras_are_named_before_clips_are_made(tiny, tmp_path, simulate_only):
    config = tiny(tmp_path / "out")
    data = dataclasses.replace(config.data, folder=str(tmp_path / "out/clips"), cameras=("cam7",))
    config = dataclasses.replace(config, data=data)
    with pytest.raises(CalibrationError, match="no calibration for cam7"):
        train("lite/cnn", config, simulate_only=simulate_only)
    assert nothing_written(tmp_path)


def nothing_written(folder):
    return not (folder / "out").exists()


def of_another_network(folder):
    save_checkpoint(build("lite/snn", {"input_size": 32}), folder / "snn.safetensors")
    return {"initial": {"cnn": str(folder / "snn.safetensors")}}


def of_another_size(folder):
    save_checkpoint(build("lite/cnn", {"input_size": 32}), folder / "cnn.safetensors")
    return {"initial": {"cnn": str(folder / "cnn.safetensors")}}


def going_on_from_another_size(folder):
    return {"start": of_another_size(folder)["initial"]}


def wrong_rates(_):
    return {"cnn": StageConfig(2, 1e-3, steps=2, rates={"snn.": 2.0})}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (of_another_network, "are of lite/snn, but lite/cnn is needed here"),
        (of_another_size, r"cnn\.safetensors: weights of lite/cnn do not fit lite/cnn with these"),
        (lambda _: {"initial": {"cnn": "none.safetensors"}}, "no weights at none.safetensors"),
        (lambda _: {"start": {"cnn": "none.safetensors"}}, "no weights at none.safetensors"),
        (lambda _: {"start": {"cn": "none.safetensors"}}, "start.*'cn'|'cn'.*start"),
        (going_on_from_another_size, "lite/cnn cannot go on from them: cnn.c1"),
        (lambda _: {"initial": {"cnn": "none.pt"}}, "none.pt is a published checkpoint"),
        (lambda _: {"network": {"input_siz": 32}}, "input_siz"),
        (lambda _: {"network": {"input_size": 33}}, "multiple of 16, got 33"),
        (
            wrong_rates,
            r"rates: no weight of the cnn .* begins with 'snn\.'; there are cnn, cnn\.c1\.0",
        ),
        (lambda _: trainer(accelerator="gpuu"), "trainer: .*accelerator='gpuu'"),
        (lambda _: trainer(accelerator="cpu", devices=0), "trainer: .*devices=0"),
        (lambda _: trainer(strategy="ddpp"), "trainer: .*'ddpp'"),
        (lambda _: trainer(precision="33-true"), "trainer: .*33-true"),
        (lambda folder: {"output": str(folder / "a_file")}, "output .*a_file is no folder"),
        (lambda folder: {"output": str(folder / "a_file/x")}, "a_file is no folder"),
    ],
)
def test_weights_and_networks_that_do_not_fit_are_named_first(tiny, tmp_path, make, message):
    (tmp_path / "a_file").touch()
    config = dataclasses.replace(tiny(tmp_path / "out"), **make(tmp_path))
    data = dataclasses.replace(config.data, folder=str(tmp_path / "out"))
    with pytest.raises((ConfigError, WeightsError), match=message):
        train("lite/cnn", dataclasses.replace(config, data=data))
    assert nothing_written(tmp_path)


def empty(folder, write):
    folder.mkdir()


def without_labels(folder, write):
    write(folder, "S1_session1_mov1")
    (folder / "S1_session1_mov1_events_label.h5").unlink()


def of_another_layout(folder, write):
    write(folder, "S1_session1_mov1")
    with h5py.File(folder / "S1_session1_mov1_events.h5", "w") as file:
        file["events/xs"] = [1, 2]


def cut_off(folder, write):
    path = write(folder, "S1_session1_mov1") / "S1_session1_mov1_events.h5"
    path.write_bytes(path.read_bytes()[:5000])


def too_short(folder, write):
    for stem in ("S1_session1_mov1", "S13_session1_mov1"):
        write(folder, stem, seconds=0.19)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (too_short, "no recording is long enough"),
        (lambda folder, write: None, "has no recordings"),
        (empty, "has no recordings"),
        (without_labels, "has no labels beside it"),
        (of_another_layout, "not in the layout of converted DHP19 files"),
        (cut_off, "cannot be read"),
    ],
)
def test_folders_that_are_no_dhp19_are_named_first(tiny, write_dhp19, tmp_path, make, message):
    make(tmp_path / "h5", write_dhp19)
    config = tiny(tmp_path / "out")
    data = DataConfig("dhp19", str(tmp_path / "h5"), ("cam3",))
    with pytest.raises(RecordingError, match=message):
        train("lite/cnn", dataclasses.replace(config, data=data))
    assert nothing_written(tmp_path)
