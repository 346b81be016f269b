"""Networks whose every layer fires, and recordings in the layout of DHP19."""

import dataclasses

import h5py
import numpy as np
import pytest
import torch

from hybrid_pose_ros.events.types import EVENT_DTYPE
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.runtime.spiking_plan import plan_of


@pytest.fixture
def lively():
    """lively(name, settings, seed): a network of models/presets.py, random, in eval mode."""

    def make(name, settings=None, seed=0, gain=8.0):
        torch.manual_seed(seed)
        network = build(name, settings).eval()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.normal_(module.running_mean, 0.0, 0.1)
                torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
                torch.nn.init.normal_(module.weight, 1.0, 0.1)
                torch.nn.init.normal_(module.bias, 0.3, 0.3)
        plan = plan_of(network)
        for layer in plan.layers if plan else ():
            # On a coarse grid, so that sums of spikes are exact in whatever order.
            layer.conv.weight.data = torch.round(layer.conv.weight.data * gain * 512) / 512
        return network

    return make


@pytest.fixture
def random_start():
    """random_start(network, rng): heatmaps and states as a keyframe might give them."""

    def make(network, rng):
        side = network.config.heatmap_size
        states = [rng.normal(0, 0.4, shape).astype("f4") for shape in network.state_shapes()]
        return rng.normal(size=(network.config.joints, side, side)).astype("f4"), states

    return make


@pytest.fixture
def write_dhp19():
    """Writes a recording in the layout of converted DHP19 files: (folder, stem, ...) -> folder."""

    def write(folder, stem, seconds=1.0, seed=0, first_label=0):
        """Random events of cam3 and a person who rises by 1 mm every 10 ms."""
        rng = np.random.default_rng(seed)
        folder.mkdir(exist_ok=True)
        count = int(30_000 * seconds)
        t = np.sort(rng.integers(0, int(seconds * 1e6), count))
        with h5py.File(folder / f"{stem}_events.h5", "w") as file:
            columns = (
                ("t", t),
                ("x", rng.integers(1, 347, count)),
                ("y", rng.integers(1, 261, count)),
            )
            for name, values in (*columns, ("p", rng.integers(0, 2, count))):
                file[f"cam3_events/{name}"] = values
            file["cam3_ms_to_idx"] = np.searchsorted(t, np.arange(int(seconds * 1000) + 1) * 1000)
        rows = int(seconds * 100) - first_label
        with h5py.File(folder / f"{stem}_events_label.h5", "w") as file:
            file["XYZ/3d_poses"] = np.full((rows, 3, 13), 900.0) + np.arange(rows)[:, None, None]
            file["XYZ/timestamps"] = (first_label + np.arange(rows)) * 10_000
        return folder

    return write


@pytest.fixture
def blob_view():
    """blob_view(seconds): a view of a person all of whose joints are one blob at (120, 120)."""
    from hybrid_pose_ros.train.views import ViewInMemory

    def make(seconds=1.0):
        rng = np.random.default_rng(0)
        uv = np.full((int(seconds * 100) + 1, 13, 2), 120.0, np.float32)
        events = np.zeros(int(20_000 * seconds), EVENT_DTYPE)
        events["t"] = np.sort(rng.integers(0, int(seconds * 1e9), events.size))
        events["x"], events["y"] = rng.integers(110, 131, (2, events.size))
        return ViewInMemory("blob", events, uv)

    return make


@pytest.fixture
def tiny():
    """tiny(folder, steps, **trainer): the smoke settings of training, smaller still."""
    from hybrid_pose_ros.train.config import StageConfig
    from hybrid_pose_ros.train.config_file import load_train_config

    def make(folder, steps=2, **trainer):
        config = load_train_config(share_path("config", "train_smoke.yaml"))
        stages = {
            name: dataclasses.replace(getattr(config, name), steps=steps, batch=2, bins=(3, 4))
            for name in ("snn", "rnn", "hybrid")
        }
        trainer = {"accelerator": "cpu", "check_every": 2, **trainer}
        return dataclasses.replace(
            config,
            output=str(folder),
            trainer=dataclasses.replace(config.trainer, **trainer),
            cnn=StageConfig(2, 1e-2, steps=steps),
            **stages,
        )

    return make


@pytest.fixture
def run_of(blob_view):
    """run_of(name, config): training of that network on the blob."""
    from hybrid_pose_ros.train.run import Run

    def make(name, config):
        return Run(name, config, [blob_view()], [blob_view()], {})

    return make
