"""Published .pt files into our format: right ones exactly, wrong ones by name, none executed."""

import json
import os
import pickle

import pytest
import torch

from hybrid_pose_ros.cli.main import main
from hybrid_pose_ros.errors import WeightsError
from hybrid_pose_ros.models import presets
from hybrid_pose_ros.models.checkpoint import load_checkpoint
from hybrid_pose_ros.models.presets import KINDS, build
from hybrid_pose_ros.models.published import load_published, read_state_dict, target_key


def fresh(kind, seed=0):
    torch.manual_seed(seed)
    return build(f"paper/{kind}")


@pytest.fixture(scope="module")
def snn():
    """The smallest published network's state dict."""
    return fresh("snn").state_dict()


def run(*words):
    return main(["import-checkpoint", *map(str, words)])


def test_an_snn_is_imported_to_the_last_bit(snn, tmp_path, capsys):
    torch.save(snn, tmp_path / "snn.pt")
    out = tmp_path / "new/snn.safetensors"
    assert run(tmp_path / "snn.pt", out, "--model", "snn", "--tau", "2.5", "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["fresh"] == [] and summary["files"][0]["source"] == "snn"
    model = load_checkpoint(out)
    assert model.config.tau == 2.5
    assert all(torch.equal(value, snn[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("kind", KINDS)
def test_state_dicts_of_all_five_fit_their_network(kind):
    theirs = fresh(kind, seed=1).state_dict()
    model = fresh(kind)
    imported = load_published(model, theirs)
    assert (imported.source, imported.left_out) == (kind, [])
    assert all(torch.equal(value, theirs[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"epoch": 7, "model_state_dict": state, "loss": torch.tensor(0.1),
                       "optimizer_state_dict": {"state": {0: {"step": torch.tensor(1.0)}},
                                                "param_groups": [{"lr": 1e-4}]}},
        lambda state: {f"module.{key}": value for key, value in state.items()},
        lambda state: {"model": {f"module.model.{key}": v for key, v in state.items()}},
        lambda state: {"ema": state, "model": state},
    ],
)  # fmt: skip
def test_common_wrappers_are_taken_off(snn, wrap, tmp_path):
    torch.save(wrap(snn), tmp_path / "w.pt")
    assert list(read_state_dict(tmp_path / "w.pt")) == list(snn)


def test_an_snn_goes_into_a_hybrid_but_for_its_heads_norm(snn):
    hybrid = fresh("hybrid_cnn_snn", seed=5)
    before = {key: value.clone() for key, value in hybrid.state_dict().items()}
    imported = load_published(hybrid, snn)
    after = hybrid.state_dict()
    assert imported.source == "snn"
    assert all(key.startswith("temporalflat.norm_layer.") for key in imported.left_out)
    assert len(imported.left_out) == 5
    pairs = {
        "static_conv_snn.conv2d.weight": "static_conv.0.weight",
        "static_conv_snn.norm_layer.running_var": "static_conv.1.running_var",
        "residualBlock_snn.bn2.bias": "residualBlock.0.bn2.bias",
        "down3_snn.conv.conv2d.weight": "down3.conv.conv2d.weight",
        "up2_snn.norm_layer.weight": "up2.norm_layer.weight",
        "temporalflat_snn.conv2d.weight": "temporalflat.conv2d.weight",
    }
    assert all(torch.equal(after[ours], snn[theirs]) for ours, theirs in pairs.items())
    untouched = [key for key in after if "_cnn" in key or key.startswith("states_")]
    assert all(torch.equal(after[key], before[key]) for key in untouched)
    assert set(imported.loaded) == {key for key in after if "_snn" in key}


@pytest.mark.parametrize("target", ["hybrid_cnn_snn", "hybrid_cnn_rnn"])
def test_a_cnn_goes_into_both_hybrids(target):
    cnn, hybrid = fresh("cnn", seed=2).state_dict(), fresh(target)
    imported = load_published(hybrid, cnn)
    after = hybrid.state_dict()
    assert imported.source == "cnn" and len(imported.loaded) == len(cnn) == 46
    assert torch.equal(after["up5_cnn.conv2.bias"], cnn["up5.conv2.bias"])
    assert torch.equal(after["conv1_cnn.weight"], cnn["conv1.weight"])
    assert target_key("unetrecurrent.head.conv2d.bias", "rnn", target) in fresh("rnn").state_dict()


def test_two_files_make_the_start_of_a_hybrid(snn, tmp_path, capsys):
    torch.save(snn, tmp_path / "snn.pt")
    torch.save(fresh("cnn").state_dict(), tmp_path / "cnn.pt")
    out = tmp_path / "start.safetensors"
    assert run(tmp_path / "cnn.pt", tmp_path / "snn.pt", out, "--model", "hybrid_cnn_snn") == 0
    text = capsys.readouterr().out
    assert "without a place in a hybrid_cnn_snn: temporalflat.norm_layer.weight" in text
    assert "126 tensors fresh, seed 0: train this network before use" in text
    state = load_checkpoint(out).state_dict()
    assert torch.equal(state["up1_snn.conv2d.weight"], snn["up1.conv2d.weight"])


def test_wrong_keys_are_all_named_and_nothing_is_written(snn, tmp_path, capsys):
    broken = dict(snn)
    broken["stray"] = torch.zeros(1)
    del broken["down1.conv.norm_layer.num_batches_tracked"]
    broken["up1.conv2d.weight"] = torch.zeros(128, 512, 3, 3)
    broken["up2.conv2d.weight"] = broken["up2.conv2d.weight"].int()
    broken["up3.norm_layer.bias"] = torch.full((32,), torch.nan)
    torch.save(broken, tmp_path / "b.pt")
    out = tmp_path / "out.safetensors"
    assert run(tmp_path / "b.pt", out, "--model", "hybrid_cnn_snn") == 2
    error = capsys.readouterr().err
    for line in (
        "does not fit a published snn (part of hybrid_cnn_snn); 5 problems",
        "missing: down1.conv.norm_layer.num_batches_tracked",
        "unknown: stray",
        "wrong shape: up1.conv2d.weight has (128, 512, 3, 3), expected (128, 512, 5, 5)",
        "wrong type: up2.conv2d.weight is torch.int32, expected torch.float32",
        "not finite: up3.norm_layer.bias",
    ):
        assert line in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.pt"]


class Bomb:
    """Its unpickling would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("writer", ["torch", "legacy", "pickle"])
def test_a_checkpoint_that_would_run_code_is_refused(snn, writer, tmp_path, capsys):
    mark, path, out = tmp_path / "mark", tmp_path / "evil.pt", tmp_path / "out.safetensors"
    content = {"state_dict": dict(snn), "extra": Bomb(mark)}
    if writer == "pickle":
        path.write_bytes(pickle.dumps({"extra": Bomb(mark)}))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=writer == "torch")
    assert run(path, out, "--model", "snn") == 2
    assert "was refused, nothing in it was executed" in capsys.readouterr().err
    assert not mark.exists() and not out.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "was refused"),
        (b"not a checkpoint", "was refused"),
        ({"epoch": 3}, "holds no state dict"),
        ([1, 2], "holds no state dict"),
        ({"a": {"x": torch.zeros(1)}, "b": {"y": torch.zeros(1)}}, r"several state dicts: \['a'"),
    ],
)
def test_other_files_are_named(content, message, tmp_path):
    path = tmp_path / "w.pt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(WeightsError, match=message):
        read_state_dict(path)
    with pytest.raises(WeightsError, match="no checkpoint at"):
        read_state_dict(tmp_path / "missing.pt")


def test_a_truncated_file_is_named(snn, tmp_path):
    path = tmp_path / "w.pt"
    torch.save(snn, path)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(WeightsError, match="damaged or holds more than tensors"):
        read_state_dict(path)


def test_models_lists_all_presets(capsys, monkeypatch):
    assert main(["models", "--json"]) == 0
    rows = {row["preset"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["paper/hybrid_cnn_snn"]["parameters"] == 24_780_845
    assert rows["lite/hybrid_cnn_snn"]["states"] == 245_760
    monkeypatch.setattr(presets, "PRESETS", {"paper/rnn": presets.PRESETS["paper/rnn"]})
    assert main(["models"]) == 0
    assert "paper/rnn            " in capsys.readouterr().out
