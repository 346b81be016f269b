"""The .ini files of the published code become our settings, or say why not."""

import pytest

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.train.config_file import build_config
from hybrid_pose_ros.train.parts import stages_of
from hybrid_pose_ros.train.published_ini import translate_ini

# The layout of the published configs/hybrid_cnn_snn_config.ini.
HYBRID_INI = {
    "model_initialization": {"cnn_pretrained_dict_path": "cnn.pt",
                             "snn_pretrained_dict_path": "snn.pt"},
    "model_parameters": {"cnn_in_channels": "20", "activation_type": "lif_init",
                         "v_threshold": "1.0", "tau": "3.0", "detach_reset": "False",
                         "init_mp_dicts": "False", "output_decay": "0.8"},
    "dataloader_parameters": {"camera_views": "[3]", "sequence_length": "100", "step_size": "100",
                              "bin_length_per_stack": "10", "cnn_input": "True",
                              "constant_count": "True", "constant_duration": "False",
                              "dataset_path": "/data/dhp19/", "p_mat_path": "/data/P/",
                              "downsample": "False", "ev_representation": "stacked_hist"},
    "training_parameters": {"num_epochs": "200", "lr": "0.00005", "batch_size": "2",
                            "num_workers": "4", "num_bins": "10"},
    "inference_parameters": {"batch_size": "4", "num_workers": "4", "num_bins": "10"},
}  # fmt: skip


def write_ini(folder, **changes):
    """The file above, with section__key=text changed (None: removed)."""
    sections = {name: dict(keys) for name, keys in HYBRID_INI.items()}
    for name, text in changes.items():
        section, key = name.split("__")
        sections.setdefault(section, {})[key] = text
        if text is None:
            del sections[section][key]
    lines = []
    for name, keys in sections.items():
        lines += [f"[{name}]", *(f"{key} = {text}" for key, text in keys.items()), ""]
    path = folder / "hybrid.ini"
    path.write_text("\n".join(lines))
    return path


def test_the_published_ini_is_translated(tmp_path):
    values, notes = translate_ini(write_ini(tmp_path), "hybrid_cnn_snn")
    config = build_config(values, "ini")
    assert config.recipe == "published" and config.loss.states == 0.05
    assert config.network == {"tau": 3.0, "decay": 0.8, "keyframe_bins": 10}
    assert config.initial == {"cnn": "cnn.pt"}
    data = config.data
    assert (data.source, data.folder, data.cameras) == ("dhp19", "/data/dhp19/", ("cam3",))
    assert (data.keyframe, data.step_ms, data.held_out_movements) == ("count", 100, ())
    stage = config.hybrid
    assert (stage.epochs, stage.batch, stage.learning_rate, stage.bins) == (200, 2, 5e-5, (10, 10))
    assert config.trainer.workers == 4 and config.cnn is config.snn is None
    told = "\n".join(notes)
    for key in ("activation_type", "init_mp_dicts", "p_mat_path", "inference_parameters"):
        assert key in told
    assert "snn_pretrained_dict_path is ignored: needs --init_with_pretrained" in told


def test_the_ini_gives_the_weights_of_the_snn_only_when_asked(tmp_path):
    values, notes = translate_ini(write_ini(tmp_path), "hybrid_cnn_snn", pretrained=True)
    assert values["initial"] == {"cnn": "cnn.pt", "snn": "snn.pt"}
    assert not any("snn_pretrained" in note for note in notes)


def test_a_hybrid_without_weights_of_a_cnn_trains_it_first(tmp_path):
    path = write_ini(tmp_path, model_initialization__cnn_pretrained_dict_path="")
    values, notes = translate_ini(path, "hybrid_cnn_snn")
    config = build_config(values, "ini")
    assert stages_of("paper/hybrid_cnn_snn", config) == ["cnn", "hybrid_cnn_snn"]
    assert (config.cnn.batch, config.cnn.learning_rate) == (8, 1e-4)
    assert any("trained first" in note for note in notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_parameters__taau": "3"}, "'taau' .did you mean 'tau'"),
        ({"training_parameter__lr": "1"}, "'training_parameter' .did you mean 'training_param"),
        ({"model_parameters__detach_reset": "True"}, "detach_reset = True is not supported"),
        ({"model_parameters__detach_reset": "Flase"}, "detach_reset: must be True or False"),
        ({"model_parameters__v_threshold": "0.5"}, "v_threshold = 0.5 is not supported, only 1"),
        ({"model_parameters__cnn_in_channels": "7"}, "cnn_in_channels must be even, got 7"),
        ({"dataloader_parameters__constant_duration": "True"}, "exactly one of constant_count"),
        ({"dataloader_parameters__constant_count": "False"}, "exactly one of constant_count"),
        ({"dataloader_parameters__camera_views": "[4]"}, "camera_views: must be a list of views"),
        ({"dataloader_parameters__camera_views": "three"}, "camera_views: must be a list"),
        ({"dataloader_parameters__ev_representation": "voxel"}, "only stacked_hist"),
        ({"dataloader_parameters__bin_length_per_stack": "5"}, "only 10"),
        ({"dataloader_parameters__downsample": "True"}, "downsample = True is not supported"),
        ({"dataloader_parameters__dataset_path": None}, "lacks dataset_path"),
        ({"training_parameters__num_epochs": "many"}, "num_epochs: invalid literal"),
    ],
)
def test_wrong_ini_files_are_named(tmp_path, change, message):
    with pytest.raises(ConfigError, match=message):
        translate_ini(write_ini(tmp_path, **change), "hybrid_cnn_snn")


def test_no_ini_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read .*none\.ini"):
        translate_ini(tmp_path / "none.ini", "cnn")
    (tmp_path / "bad.ini").write_text("tau = 3")
    with pytest.raises(ConfigError, match="cannot read"):
        translate_ini(tmp_path / "bad.ini", "cnn")


@pytest.mark.parametrize(
    ("kind", "section", "expected"),
    [
        ("cnn", {"in_channels": "20"}, {"keyframe_bins": 10}),
        ("snn", {"tau": "2.0"}, {"tau": 2.0, "keyframe_bins": 10}),
        ("rnn", {"in_channels": "2", "skip_type": "sum"}, {"keyframe_bins": 10}),
        ("hybrid_cnn_rnn", {"in_channels": "2", "output_decay": "0.9"},
         {"decay": 0.9, "keyframe_bins": 10}),
    ],
)  # fmt: skip
def test_files_of_the_other_networks(tmp_path, kind, section, expected):
    lines = ["[model_parameters]", *(f"{k} = {v}" for k, v in section.items())]
    lines += ["[dataloader_parameters]", "dataset_path = d", "sequence_length = 100"]
    (tmp_path / "x.ini").write_text("\n".join([*lines, "[training_parameters]", "lr = 1e-4"]))
    values, _ = translate_ini(tmp_path / "x.ini", kind)
    config = build_config(values, "ini")
    assert config.network == expected and config.loss.states == 0.0
    stage = config.hybrid if kind.startswith("hybrid") else getattr(config, kind)
    assert stage.bins == ((0, 0) if kind == "cnn" else (10, 10))
