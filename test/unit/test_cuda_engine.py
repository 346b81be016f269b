"""The batch engine: uncaptured on the CPU in float32, and as it is where there is a GPU."""

import importlib.util

import numpy as np
import pytest
import torch

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.runtime import spiking_batch
from hybrid_pose_ros.runtime.cuda_engine import CudaEngine
from hybrid_pose_ros.runtime.engine import make_engine
from hybrid_pose_ros.runtime.spiking_batch import PLAIN

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None or not torch.cuda.is_available(),
    reason="no CUDA device with Triton here",
)


def bins(rng, network, number):
    side = network.config.input_size
    return rng.poisson(0.1, (number, 2, side, side)).astype("f4")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("paper/hybrid_cnn_snn", {"input_size": 64}),
        ("paper/snn", {"input_size": 32}),
        ("lite/hybrid_cnn_snn", {"input_size": 64}),
        ("lite/snn", {"input_size": 32, "head": "coarse", "residual_blocks": 2}),
        ("lite/hybrid_cnn_snn", {"input_size": 32, "motion": True}),
        ("lite/hybrid_cnn_snn", {"input_size": 32, "motion": True, "rest": True}),
        ("lite/snn", {"input_size": 32, "delays": (0, 1, 3)}),
    ],
)
def test_a_batch_gives_each_camera_the_reference(lively, random_start, name, options):
    network, rng = lively(name, options), np.random.default_rng(0)
    engine = CudaEngine(network, "cpu", cameras=3)
    streams = [engine.new_stream() for _ in range(3)]
    references = [make_engine(network, "cpu", "torch").new_stream() for _ in range(3)]
    for ours, reference in zip(streams, references, strict=True):
        start = (*random_start(network, rng), bins(rng, network, 2))
        ours.load(*start)
        reference.load(*start)
    for chosen in ([0, 1, 2], [2], [0, 1], [2, 0]):  # those left out must not move
        counts = bins(rng, network, len(chosen))
        results = engine.step([streams[i] for i in chosen], counts)
        for result, i, each in zip(results, chosen, counts, strict=True):
            expected = references[i].step(each)
            assert result.layer_spikes == expected.layer_spikes
            assert result.synaptic_operations == expected.synaptic_operations
            assert np.abs(result.heatmaps - expected.heatmaps).max() < 5e-5  # moved maps add up
    for ours, reference in zip(streams, references, strict=True):
        for a, b in zip(ours.states(), reference.states(), strict=True):
            assert np.abs(a - b).max() < 1e-5


def test_slots_and_arguments_are_checked(lively):
    network = lively("lite/snn", {"input_size": 32})
    engine = CudaEngine(network, "cpu", cameras=1)
    stream = engine.new_stream()
    with pytest.raises(ConfigError, match="slots for 1 cameras"):
        engine.new_stream()
    with pytest.raises(ValueError, match="expected 2 streams of this engine, got 1"):
        engine.step([stream, stream], np.zeros((2, 2, 32, 32), np.float32))
    with pytest.raises(ValueError, match="finite and >= 0, got -1"):
        stream.step(np.full((2, 32, 32), -1, np.float32))
    with pytest.raises(ValueError, match=r"expected heatmaps \(13, 16, 16\)"):
        stream.load(np.zeros((13, 4, 4), np.float32), [])
    del stream
    assert engine.new_stream().slot == 0
    with pytest.raises(ConfigError, match="runs spiking networks, got lite/rnn"):
        CudaEngine(build("lite/rnn", {"input_size": 32}), "cpu")


@needs_cuda
@pytest.mark.parametrize("name", ["paper/hybrid_cnn_snn", "lite/hybrid_cnn_snn"])
def test_half_precision_on_a_gpu_stays_close(lively, random_start, name):
    network, rng = lively(name), np.random.default_rng(1)
    reference = make_engine(network, "cpu", "torch").new_stream()
    engine = CudaEngine(lively(name), "cuda", cameras=2)
    stream, idle = engine.new_stream(), engine.new_stream()
    start = random_start(network, rng)
    reference.load(*start)
    stream.load(*start)
    for counts in bins(rng, network, 5):
        expected, ours = reference.step(counts), stream.step(counts)
        for a, b in zip(ours.layer_spikes, expected.layer_spikes, strict=True):
            assert abs(a - b) <= 0.02 * b + 5  # those near their threshold fire a bin apart
    assert np.mean(np.abs(ours.heatmaps - expected.heatmaps) > 0.1) < 0.02
    assert all(not state.any() for state in idle.states())


@needs_triton
@pytest.mark.parametrize("shift", [PLAIN, 0, 1])
def test_the_fused_kernel_equals_the_operators(shift):
    from hybrid_pose_ros.runtime import fire_kernel

    results = []
    for fire in (spiking_batch.fire, fire_kernel.fire):
        generator = torch.Generator().manual_seed(1)

        def maps(*shape, generator=generator):
            tensor = torch.randn(*shape, generator=generator).cuda()
            return tensor.contiguous(memory_format=torch.channels_last)

        sums = maps(2, 24, 20, 12) if shift == PLAIN else maps(2, 96, 10 + shift, 6 + shift)
        skip = (maps(2, 24, 20, 12) > 1).float()
        membranes, spikes = maps(2, 24, 20, 12), maps(2, 24, 20, 12)
        active = torch.tensor([True, False]).cuda()
        fired = torch.full((2,), 7, dtype=torch.int32).cuda()
        gain, bias = torch.full((24,), 1.5).cuda(), torch.full((24,), 0.3).cuda()
        fire(sums, gain, bias, skip, membranes, active, shift, 3.0, spikes, fired)
        results.append([t.cpu() for t in (membranes, spikes, fired)])
    assert torch.equal(results[0][1], results[1][1]) and torch.equal(results[0][2], results[1][2])
    assert torch.allclose(results[0][0], results[1][0], atol=1e-6)
