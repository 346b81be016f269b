"""benchmarks/parity.py finds what a folder holds, and sees a number that is wrong."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "test/data/fixture"


@pytest.fixture
def parity(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    threads = torch.get_num_threads()
    import parity

    yield parity
    torch.set_num_threads(threads)
    for name in [name for name in sys.modules if name.startswith("parity")]:
        del sys.modules[name]


def save(folder, name, changes=(), keep=None):
    """A file of the fixture under another name, with some keys changed."""
    with np.load(FIXTURE / name[0]) as archive:
        data = {key: archive[key] for key in archive.files if keep is None or key in keep}
    np.savez(folder / name[1], **(data | dict(changes)))
    return data


def test_every_function_of_the_fixture_is_driven_and_equal(parity, capsys):
    for name in ("geometry", "metrics", "neurons", "representations"):
        assert parity.main([str(FIXTURE), "--only", name]) == 0
    text = capsys.readouterr().out
    assert "OUT" not in text and "not driven" not in text
    assert text.count("\n  ok  ") == 96


def test_functions_are_known_by_their_keys_whatever_the_file_is_called(parity, tmp_path, capsys):
    with np.load(FIXTURE / "neurons.npz") as archive:
        v = archive["tau3_detach_vinit_v"].copy()
    v[4, 7] += 1e-4
    changes = {"tau3_detach_vinit_v": v, "something_else": np.zeros(3)}
    save(tmp_path, ("neurons.npz", "seed_9.npz"), changes)
    assert parity.main([str(tmp_path)]) == 1
    text = capsys.readouterr().out
    assert "OUT        tau3_detach_vinit_v                0.0001 (accepted 2e-05)" in text
    assert "not driven: something_else" in text
    assert "1 out of tolerance" in text


def test_a_network_is_known_by_its_file_name_and_held_to_every_key(parity, tmp_path, capsys):
    data = save(tmp_path, ("cnn.npz", "other_cnn.npz"))
    assert parity.main([str(tmp_path), "--steps", "1"]) == 0
    assert "5 keys driven, 0 out of tolerance" in capsys.readouterr().out
    landmarks = data["landmarks"].copy()
    landmarks[0, 1, 12] += 1
    save(tmp_path, ("cnn.npz", "other_cnn.npz"), {"landmarks": landmarks}, ["landmarks"])
    assert parity.main([str(tmp_path), "--steps", "1"]) == 1


SMALL_GEN = """
import importlib.util
spec = importlib.util.spec_from_file_location("base", {path!r})
base = importlib.util.module_from_spec(spec)
spec.loader.exec_module(base)
HERE, state_dict, sample_index, rng, crc = (
    base.HERE, base.state_dict, base.sample_index, base.rng, base.crc)
def histogram(name):
    return base.histogram(name)
def snn_input(model):
    return histogram("another_seed")
def cnn_input(step=0):
    h = histogram("another_keyframe_%d" % step)
    return base.np.concatenate([h[:, 0], h[:, 1]], axis=0)
"""


def test_a_training_step_with_its_own_generator_is_driven(parity, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(parity, "_again", lambda run: run())  # a wrong number is wrong at once
    (tmp_path / "gen.py").write_text(SMALL_GEN.format(path=str(FIXTURE / "gen.py")))
    import parity_training
    from parity_checks import Generator

    generator = Generator(tmp_path)
    data = {"label_xy": np.random.default_rng(0).integers(0, 256, (1, 13, 2))}
    model = generator.network("cnn", data).train()
    labels, _ = parity_training._labels("cnn", data, generator)
    loss = parity_training.step(model, "cnn", data, generator, labels)["loss"]
    expected = ((model.output - labels[0]) ** 2).mean()
    assert loss == pytest.approx(expected.item())
    grads = {name: p.grad for name, p in model.named_parameters()}
    data["loss"] = loss.numpy()
    data["grad_sample"] = np.stack([generator.sample(g, 256) for g in grads.values()])
    data["grad:conv3.weight"] = grads["conv3.weight"].numpy()
    data["grad:conv3.bias"] = 1.01 * grads["conv3.bias"].numpy()
    np.savez(tmp_path / "train_cnn.npz", **data)
    assert parity.main([str(tmp_path)]) == 1
    text = capsys.readouterr().out
    states = [re.search(rf"(\w+) +{key} ", text)[1] for key in data if key != "label_xy"]
    assert states == ["ok", "ok", "ok", "OUT"]


def test_a_folder_without_files_or_with_nothing_known(parity, tmp_path, capsys):
    with pytest.raises(SystemExit):
        parity.main([str(tmp_path)])
    assert f"no .npz file in {tmp_path}" in capsys.readouterr().err
    np.savez(tmp_path / "strange.npz", a=np.zeros(3))
    assert parity.main([str(tmp_path)]) == 2
    assert "not driven: a" in capsys.readouterr().out
