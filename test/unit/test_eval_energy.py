"""Energy from counts, and the counters of real joules."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hybrid_pose_ros.eval.energy import NM_7, NM_45, power_mw
from hybrid_pose_ros.eval.layer_costs import idle_rates, layer_costs, total
from hybrid_pose_ros.eval.poses import Firing
from hybrid_pose_ros.eval.power_meter import NvmlMeter, RaplMeter, UnavailableError, measure
from hybrid_pose_ros.models.presets import build


def test_both_technologies():
    assert NM_7.joules(1e12, 1e12) == pytest.approx(0.38 + 1.69)
    assert NM_45.joules(1e12, 1e12) == pytest.approx(0.9 + 4.6)
    assert power_mw(10**9, 10, 10**8, 2.0) == pytest.approx(0.5 * (0.38 + 1.69))


@pytest.mark.parametrize("name", ["lite/cnn", "lite/hybrid_cnn_rnn", "paper/hybrid_cnn_rnn"])
def test_layers_sum_to_the_network(name):
    network = build(name, {"input_size": 32}).eval()
    costs = layer_costs(network, None, steps_per_s=100, keyframes_per_s=10)
    keyframes = sum(cost.macs for cost in costs if cost.part == "cnn")
    steps = sum(cost.macs for cost in costs if cost.part == "steps")
    assert keyframes == pytest.approx(10 * network.macs_per_keyframe)
    assert steps == pytest.approx(100 * network.macs_per_step if network.has_step else 0)
    assert total(costs).macs == pytest.approx(keyframes + steps)


def test_spiking_layers_cost_their_additions_and_memory():
    network = build("lite/snn", {"input_size": 32}).eval()
    firing = Firing(
        ("a", "head"), np.array([1000, 0]), np.array([[40.0, 60.0], [0.0, 0.0]]),
        np.array([[3000.0, 5000.0], [200.0, 200.0]]), np.array([2.0, 2.0]),
    )  # fmt: skip
    layer, head = layer_costs(network, firing, steps_per_s=100, keyframes_per_s=10)
    assert layer.spike_rate == pytest.approx(0.025) and head.spike_rate is None
    assert layer.additions == pytest.approx(100 * 2000)
    # 16-bit values: weight, accumulator twice per addition; membrane twice per neuron and step.
    assert layer.memory_bytes == pytest.approx(2 * (3 * 200_000 + 2 * 1000 * 100))
    figures = layer.asdict()
    assert figures["arithmetic_mw"]["7nm"] == pytest.approx(1e3 * 0.38e-12 * 200_000)
    assert figures["memory_mw"]["dram"] == pytest.approx(1e-9 * 162.5 * layer.memory_bytes)


def zone(folder, name: str, microjoules: int) -> None:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "energy_uj").write_text(f"{microjoules}\n")
    (folder / name / "max_energy_range_uj").write_text("1000000\n")


def test_rapl_counts_packages_over_their_limit(tmp_path):
    zone(tmp_path, "intel-rapl:0", 900_000)
    zone(tmp_path, "intel-rapl:1", 100_000)
    zone(tmp_path, "intel-rapl:0:0", 5)  # a part of package 0: not counted twice
    meter = RaplMeter(tmp_path)
    zone(tmp_path, "intel-rapl:0", 150_000)
    zone(tmp_path, "intel-rapl:1", 300_000)
    assert meter.joules() == pytest.approx(0.25 + 0.2)


def test_what_cannot_measure_says_so(tmp_path):
    with pytest.raises(UnavailableError, match="RAPL"):
        RaplMeter(tmp_path)
    with pytest.raises(UnavailableError, match="NVML"):
        NvmlMeter("no_such_library.so")


def test_measured_work_is_what_idling_does_not_explain():
    class Clockwork:
        name = "clockwork"
        calls = 0

        def joules(self) -> float:
            return 2.0 * self.calls

    meter = Clockwork()

    def work() -> None:
        meter.calls += 1

    found = measure(meter, work, 0.01)
    assert found["joules_per_call"] == pytest.approx(2.0) and found["idle_w"] == 0.0
    assert found["net_joules_per_call"] == pytest.approx(2.0)


@pytest.mark.parametrize(("bias", "rate"), [(0.0, 0.0), (0.99, 0.0), (1.5, 0.25)])
def test_neurons_that_fire_by_their_bias_are_counted(bias, rate):
    """v += (current - v) / 3 with a constant current of 1.5 crosses 1 in every third step."""
    network = build("lite/snn", {"input_size": 32}).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.zeros_(module.bias)
    torch.nn.init.constant_(network.snn.s0.norm.bias, bias)
    found = idle_rates(network)
    assert found[0] == pytest.approx(rate, abs=0.1) and (found[0] > 0.2) == (rate > 0)
    assert bias > 1 or not any(found)
