"""The event-driven engine against the network itself; states through the transport."""

import numpy as np
import pytest
import torch

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid
from hybrid_pose_ros.native.library import library
from hybrid_pose_ros.runtime import state_transport
from hybrid_pose_ros.runtime.device import resolve_device
from hybrid_pose_ros.runtime.engine import make_engine

SMALL = LiteConfig(input_size=32, cnn_widths=(4, 4, 8, 8), snn_widths=(8, 16, 8))
needs_kernels = pytest.mark.skipif(library() is None, reason="the C++ kernels are not built here")


def lively_model(config=SMALL, seed=0):
    """A model whose every layer fires: random batch norms, gain raised."""
    torch.manual_seed(seed)
    model = LiteHybrid(config).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, 0.0, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.normal_(module.weight, 1.0, 0.1)
            torch.nn.init.normal_(module.bias, 0.0, 0.1)
    for name in model.snn.BLOCKS:
        getattr(model.snn, name).conv.weight.data *= 8
    return model


def random_start(model, rng):
    side = model.config.heatmap_size
    states = [rng.normal(0, 0.4, s).astype("f4") for s in model.snn.state_shapes()]
    return rng.normal(size=(13, side, side)).astype("f4"), states


@needs_kernels
@pytest.mark.parametrize("config", [SMALL, LiteConfig()])
def test_spikes_and_heatmaps_equal_the_reference(config):
    model, rng = lively_model(config), np.random.default_rng(1)
    streams = [make_engine(model, "cpu", kind).new_stream() for kind in ("torch", "event_driven")]
    start = random_start(model, rng)
    for stream in streams:
        stream.load(*start)
    fired = 0
    for _ in range(8):
        counts = rng.poisson(0.05, (2, config.input_size, config.input_size)).astype("f4")
        reference, ours = (stream.step(counts) for stream in streams)
        assert abs(ours.spikes - reference.spikes) <= 1  # a tie of rounding may go either way
        assert np.abs(ours.logits - reference.logits).max() < 1e-4
        fired += reference.spikes
    assert fired > 100


@needs_kernels
def test_synaptic_operations_are_counted_one_by_one():
    model = lively_model()
    stream = make_engine(model, "cpu", "event_driven").new_stream()
    counts = np.zeros((2, 32, 32), np.float32)
    counts[0, 16, 16] = 3.0  # one active input; 5 x 5 taps of stride 2 reach 3 x 3 cells
    result = stream.step(counts)
    assert result.synaptic_operations - 9 * 8 == _operations_of_spikes(stream)


def _operations_of_spikes(stream):
    total = 0
    for layer in stream.engine.layers.values():
        scratch = np.zeros(layer.shape, np.float32)
        for source in layer.sources:
            if source.name != "input":
                total += layer.shape[2] * stream._scatter(source, scratch.ctypes.data)
        total += stream.counts[layer.skip] if layer.skip else 0
    scratch = np.zeros(stream.engine.output_shape, np.float32)
    return total + sum(13 * stream._scatter(s, scratch.ctypes.data) for s in stream.engine.head)


@needs_kernels
def test_streams_of_one_engine_do_not_touch_each_other():
    model, rng = lively_model(), np.random.default_rng(2)
    engine = make_engine(model, "cpu")
    first, second = engine.new_stream(), engine.new_stream()
    counts = rng.poisson(0.2, (2, 32, 32)).astype("f4")
    alone = make_engine(model, "cpu").new_stream().step(counts).logits
    second.step(10 * counts)
    assert np.array_equal(first.step(counts).logits, alone)


def test_engines_and_devices_are_checked():
    model = lively_model()
    with pytest.raises(ConfigError, match="'magic'"):
        make_engine(model, "cpu", "magic")
    with pytest.raises(ConfigError, match="runs on the cpu, got device 'cuda'"):
        make_engine(model, "cuda", "event_driven")
    with pytest.raises(ConfigError, match="'tpu'"):
        resolve_device("tpu")
    if not torch.cuda.is_available():
        assert resolve_device("auto") == "cpu"
        with pytest.raises(ConfigError, match="no usable GPU"):
            resolve_device("cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_gives_the_same_poses_within_tolerance():
    model, rng = lively_model(LiteConfig()), np.random.default_rng(3)
    start = random_start(model, rng)
    results = {}
    for device in ("cpu", "cuda"):
        stream = make_engine(lively_model(LiteConfig()), device, "torch").new_stream()
        stream.load(*start)
        inputs = np.random.default_rng(4)
        steps = [stream.step(inputs.poisson(0.05, (2, 128, 128)).astype("f4")) for _ in range(5)]
        results[device] = steps[-1].logits
    # A few neurons within rounding of their threshold may fire a bin apart.
    assert np.mean(np.abs(results["cpu"] - results["cuda"]) > 1e-3) < 0.01


def test_states_survive_the_transport_to_half_precision():
    model, rng = lively_model(), np.random.default_rng(5)
    logits, states = random_start(model, rng)
    data = state_transport.pack(logits, states)
    again, states_again = state_transport.unpack(data, model)
    assert np.array_equal(again, logits.astype("f2").astype("f4"))
    for a, b in zip(states_again, states, strict=True):
        assert np.array_equal(a, b.astype("f2").astype("f4"))
    with pytest.raises(ValueError, match=f"{len(data) - 2} bytes, this network's {len(data)}"):
        state_transport.unpack(data[:-2], model)
