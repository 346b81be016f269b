"""Several processes train one network together, by PyTorch Lightning's own means."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hybrid_pose_ros.models.checkpoint import load_checkpoint

SETTINGS = """
network: {input_size: 32, cnn_widths: [8, 8, 16, 16]}
threads: 1
output: out
data: {source: dhp19, folder: h5, cameras: [cam3]}
trainer: {accelerator: cpu, devices: 2, strategy: ddp, check_every: 2, checks: 2}
cnn: {steps: 4, batch: 2, learning_rate: 1.0e-3}
"""


@pytest.mark.slow
def test_two_processes_share_the_work_and_write_one_network(write_dhp19, tmp_path):
    for stem in ("S1_session1_mov1", "S13_session1_mov1"):
        write_dhp19(tmp_path / "h5", stem)
    (tmp_path / "two.yaml").write_text(SETTINGS)
    command = [sys.executable, "-P", "-m", "hybrid_pose_ros.cli.main", "train", "lite/cnn"]
    tree = str(Path(__file__).parents[2])
    done = subprocess.run(
        [*command, "--config", "two.yaml"], cwd=tmp_path, capture_output=True, text=True,
        timeout=240, env=os.environ | {"PYTHONPATH": tree, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "out/cnn.safetensors\n"  # one of the two speaks
    content = torch.load(tmp_path / "out/cnn/last.ckpt", weights_only=False)
    assert content["global_step"] == 4
    # Both made the same steps: what is calibrated is what the checkpoint holds, but for the head.
    found = load_checkpoint(tmp_path / "out/cnn.safetensors").state_dict()
    name = "cnn.c1.0.0.weight"
    assert torch.equal(found[name], content["state_dict"][f"model.{name}"])
