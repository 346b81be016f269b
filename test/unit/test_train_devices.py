"""Several processes train one network together, by PyTorch Lightning's own means."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from hybrid_pose_ros.models.checkpoint import load_checkpoint, save_checkpoint
from hybrid_pose_ros.models.presets import build

SETTINGS = """
network: {input_size: 32, cnn_widths: [8, 8, 16, 16], snn_widths: [8, 8, 16],
  motion: true, carry: true}
threads: 1
output: out
start: {hybrid_cnn_snn: before.safetensors}
data: {source: dhp19, folder: h5, cameras: [cam3]}
trainer: {accelerator: cpu, devices: 2, strategy: ddp, check_every: 3, checks: 2}
hybrid: {steps: 6, batch: 2, bins: [8, 9], keyframes: [1, 2], learning_rate: 1.0e-3}
"""


@pytest.mark.slow
def test_two_processes_share_the_work_and_write_one_network(write_dhp19, tmp_path):
    for stem in ("S1_session1_mov1", "S13_session1_mov1"):
        write_dhp19(tmp_path / "h5", stem)
    (tmp_path / "two.yaml").write_text(SETTINGS)
    network = yaml.safe_load(SETTINGS)["network"]
    before = build("lite/hybrid_cnn_snn", network)
    save_checkpoint(before, tmp_path / "before.safetensors")
    command = [sys.executable, "-P", "-m", "hybrid_pose_ros.cli.main", "train"]
    tree = str(Path(__file__).parents[2])
    done = subprocess.run(
        [*command, "lite/hybrid_cnn_snn", "--config", "two.yaml"],
        cwd=tmp_path, capture_output=True, text=True,
        timeout=240, env=os.environ | {"PYTHONPATH": tree, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "out/hybrid_cnn_snn.safetensors\n"  # one of the two speaks
    content = torch.load(tmp_path / "out/hybrid_cnn_snn/last.ckpt", weights_only=False)
    assert content["global_step"] == 6
    found = load_checkpoint(tmp_path / "out/hybrid_cnn_snn.safetensors").state_dict()
    name = "snn.s0.conv.weight"
    assert torch.equal(found[name], content["state_dict"][f"model.{name}"])
    assert not torch.equal(found[name], before.state_dict()[name])
