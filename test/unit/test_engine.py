"""The event-driven engine against the networks themselves; what every engine promises."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.presets import KINDS, build
from hybrid_pose_ros.native.library import library
from hybrid_pose_ros.runtime import state_transport
from hybrid_pose_ros.runtime.device import resolve_device
from hybrid_pose_ros.runtime.engine import make_engine
from hybrid_pose_ros.runtime.event_driven import INSTRUCTION_SETS, EventDrivenEngine

FIXTURE = Path(__file__).parents[1] / "data/fixture"
SPEC = importlib.util.spec_from_file_location("engine_fixture_gen", FIXTURE / "gen.py")
gen = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(gen)

SMALL = {"input_size": 32, "cnn_widths": (4, 4, 8, 8), "snn_widths": (8, 16, 8)}
needs_kernels = pytest.mark.skipif(library() is None, reason="the C++ kernels are not built here")


def bins(rng, network, number, rate=0.1):
    side = network.config.input_size
    return rng.poisson(rate, (number, 2, side, side)).astype("f4")


def assert_equals_reference(network, start, counts, tolerance=1e-5):
    """Spikes of every layer and bin, membranes and heatmaps; returns the reference's results."""
    reference, ours = (
        make_engine(network, "cpu", kind).new_stream() for kind in ("torch", "event_driven")
    )
    results = []
    for stream in (reference, ours):
        stream.load(*start, np.tile(counts, (3, 1, 1, 1)))  # any bins will do as those before
    for each in counts:
        results.append(reference.step(each))
        result = ours.step(each)
        assert result.layer_spikes == results[-1].layer_spikes
        assert np.abs(result.heatmaps - results[-1].heatmaps).max() <= tolerance
    for a, b in zip(reference.states(), ours.states(), strict=True):
        assert np.abs(a - b).max() <= tolerance
    return results


@needs_kernels
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("paper/snn", {"input_size": 64}),
        ("paper/hybrid_cnn_snn", {"input_size": 96}),
        ("paper/hybrid_cnn_snn", {"input_size": 32}),  # borders of an up block meet
        ("lite/hybrid_cnn_snn", {}),
        ("lite/snn", SMALL),
        ("lite/hybrid_cnn_snn", SMALL | {"head": "coarse", "residual_blocks": 2}),
        ("lite/hybrid_cnn_snn", SMALL | {"residual_blocks": 0, "snn_widths": (24, 40, 96)}),
        ("lite/hybrid_cnn_snn", SMALL | {"motion": True}),
        ("lite/hybrid_cnn_snn", SMALL | {"motion": True, "rest": True}),
        ("lite/hybrid_cnn_snn", SMALL | {"motion": True, "delays": (0, 1, 2, 4, 8)}),
        ("lite/snn", SMALL | {"delays": (0, 3)}),
        ("lite/hybrid_cnn_snn", SMALL | {"rest": True, "snn_widths": (24, 40, 96)}),
        ("lite/snn", SMALL | {"motion": True, "head": "coarse"}),
        ("lite/snn", SMALL | {"motion": True, "joints": 17}),  # more than the kernels move
    ],
)
def test_every_spike_is_the_networks_own(lively, random_start, name, options):
    network, rng = lively(name, options), np.random.default_rng(1)
    start = random_start(network, rng)
    results = assert_equals_reference(network, start, bins(rng, network, 4))
    assert all(fired > 0 for fired in np.sum([r.layer_spikes for r in results], 0))


@needs_kernels
@settings(max_examples=12, deadline=None)
@given(
    widths=st.tuples(*[st.integers(1, 10).map(lambda n: 8 * n)] * 3),
    side=st.sampled_from([16, 32, 48]),
    blocks=st.integers(0, 2),
    head=st.sampled_from(["fine", "coarse"]),
    motion=st.booleans(),
    delays=st.sampled_from([(0,), (0, 1), (0, 2, 3)]),
    rate=st.sampled_from([0.0, 0.01, 0.3, 3.0]),
    tau=st.sampled_from([1.5, 2.0, 3.0]),
    seed=st.integers(0, 2**16),
)
def test_any_width_size_and_spike_rate(widths, side, blocks, head, motion, delays, rate, tau, seed):
    options = {
        "input_size": side, "snn_widths": widths, "residual_blocks": blocks, "head": head,
        "tau": tau, "cnn_widths": (4, 4, 4, 4), "motion": motion, "delays": delays,
    }  # fmt: skip
    torch.manual_seed(seed)
    network, rng = build("lite/snn", options).eval(), np.random.default_rng(seed)
    for block in network.part.BLOCKS:
        weights = getattr(network.part, block).conv.weight
        weights.data = torch.round(weights.data * 8 * 256) / 256
    states = [rng.normal(0.3, 0.5, shape).astype("f4") for shape in network.state_shapes()]
    start = np.zeros((13, side // 2, side // 2), np.float32), states
    assert_equals_reference(network, start, bins(rng, network, 3, rate))


@needs_kernels
@pytest.mark.parametrize("kind", ["snn", "hybrid_cnn_snn"])
def test_spikes_of_the_published_networks_equal_the_published_code(kind):
    network = build(f"paper/{kind}").eval()
    network.load_state_dict({k: torch.from_numpy(v) for k, v in gen.state_dict(kind).items()})
    reference = np.load(FIXTURE / f"{kind}.npz")
    stream = make_engine(network, "cpu", "event_driven").new_stream()
    if kind == "hybrid_cnn_snn":
        with torch.inference_mode():
            heatmaps = network.keyframe(torch.from_numpy(gen.cnn_input(0))[None])
        stream.load(heatmaps[0].numpy(), [state[0].numpy() for state in network.states])
    for step, counts in enumerate(gen.snn_input(kind)):
        result = stream.step(counts)
        assert list(result.layer_spikes) == reference["spikes"][step].tolist()
        assert np.abs(result.heatmaps[:, ::8, ::8] - reference["out"][step]).max() <= 2e-5


@needs_kernels
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("paper/hybrid_cnn_snn", {}),
        ("lite/hybrid_cnn_snn", {"rest": True}),
        ("lite/snn", {"motion": True}),
    ],
)
def test_threads_change_nothing(lively, random_start, name, options):
    network, rng = lively(name, {"input_size": 32, **options}), np.random.default_rng(2)
    start, counts = random_start(network, rng), bins(rng, network, 3)
    streams = [EventDrivenEngine(network, threads).new_stream() for threads in (1, 3)]
    for stream in streams:
        stream.load(*start)
    for each in counts:
        one, three = (stream.step(each) for stream in streams)
        assert one.layer_spikes == three.layer_spikes
        assert np.array_equal(one.heatmaps, three.heatmaps)


@needs_kernels
@pytest.mark.parametrize("motion", [False, True])
def test_every_instruction_set_gives_the_same(lively, random_start, motion):
    options = SMALL | {"motion": motion, "rest": motion}
    network, rng = lively("lite/hybrid_cnn_snn", options), np.random.default_rng(2)
    start, counts = random_start(network, rng), bins(rng, network, 5)
    streams = [EventDrivenEngine(network, 1, level).new_stream() for level in INSTRUCTION_SETS]
    for stream in streams:
        stream.load(*start)
    for each in counts:
        oldest, *others = (stream.step(each) for stream in streams)
        for other in others:  # the oldest processors round a batch norm twice
            assert abs(other.spikes - oldest.spikes) <= 2
            assert np.abs(other.heatmaps - oldest.heatmaps).max() < 1e-4


@needs_kernels
@pytest.mark.parametrize("where", ["heatmaps", "velocity"])
def test_a_nan_stays_with_its_joint(lively, random_start, where):
    network, rng = lively("lite/snn", SMALL | {"motion": True}), np.random.default_rng(4)
    heatmaps, states = random_start(network, rng)
    spoilt, states_spoilt = heatmaps.copy(), [state.copy() for state in states]
    (spoilt[5] if where == "heatmaps" else states_spoilt[-1][10])[:] = np.nan
    streams = [make_engine(network, "cpu", "event_driven").new_stream() for _ in range(2)]
    streams[0].load(heatmaps, states)
    streams[1].load(spoilt, states_spoilt)
    for each in bins(rng, network, 3):
        sound, ill = (stream.step(each).heatmaps for stream in streams)
        assert np.isnan(ill[5]).all()
        others = np.arange(13) != 5
        assert np.array_equal(ill[others], sound[others])


@needs_kernels
def test_synaptic_operations_are_counted_one_by_one(lively):
    network = lively("lite/snn", SMALL)
    engine = EventDrivenEngine(network)
    stream = engine.new_stream()
    inside, corner = np.zeros((2, 2, 32, 32), np.float32)
    inside[0, 16, 16] = 3.0  # one active input; 5 x 5 taps of stride 2 reach 3 x 3 cells of 8
    assert stream.step(inside).layer_operations[0] == 9 * 8
    corner[1, 0, 0] = 1.0  # two rows and columns: outputs 0 and 1
    assert stream.step(corner).layer_operations[0] == 4 * 8
    result = stream.step(np.full((2, 32, 32), 2.0, np.float32))
    assert result.synaptic_operations == sum(result.layer_operations)
    for number, layer in enumerate(engine.plan.layers[1:], 1):
        assert result.layer_operations[number] == _additions(engine, layer)


@needs_kernels
@pytest.mark.parametrize("motion", [False, True])
def test_operations_of_the_head_are_those_of_spikes_and_of_moving(lively, motion):
    network = lively("lite/snn", SMALL | {"motion": motion})
    streams = [make_engine(network, "cpu", kind).new_stream() for kind in ("event_driven", "torch")]
    for each in bins(np.random.default_rng(3), network, 4):
        for result in [stream.step(each) for stream in streams]:
            spikes = result.layer_spikes[0] + result.layer_spikes[-1]  # s0 and u2
            # 16 x 16 cells, 13 joints, 16 channels; a multiply-accumulate counts five.
            moving = 13 * (256 * (9 * 5 + 2) + 2 * 5 * 16)
            expected = 26 * spikes + moving if motion else 13 * spikes
            assert spikes > 0 and result.layer_operations[-1] == expected


def _additions(engine, layer):
    """Every pair of an active input and an output that its weights reach, by a convolution."""
    x = np.concatenate([engine.spikes(i) for i in layer.inputs])[None].astype("f4")
    conv = type(layer.conv)(
        x.shape[1], 1, layer.conv.kernel_size, layer.conv.stride, layer.conv.padding, bias=False
    )
    torch.nn.init.ones_(conv.weight)
    with torch.no_grad():
        pairs = float(conv(torch.from_numpy(x)).sum())
    skipped = 0 if layer.skip is None else engine.spikes(layer.skip).sum()
    return round(pairs) * layer.conv.out_channels + skipped


@needs_kernels
def test_streams_of_one_engine_do_not_touch_each_other(lively):
    network, rng = lively("lite/snn", SMALL), np.random.default_rng(2)
    engine = make_engine(network, "cpu", "event_driven")
    counts = bins(rng, network, 6, 0.2)
    alone = make_engine(network, "cpu", "event_driven").new_stream()
    expected = [alone.step(each).heatmaps for each in counts]
    streams = [engine.new_stream() for _ in range(3)]
    for i, each in enumerate(counts):
        first, second = engine.step(streams[:2], [each, 7 * counts[-1]])
        assert np.array_equal(first.heatmaps, expected[i])
        assert not np.array_equal(second.heatmaps, expected[i])
    assert np.array_equal(streams[2].step(counts[0]).heatmaps, expected[0])


@pytest.mark.parametrize("family", ["paper", "lite"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_engine_runs_all_kinds_for_interleaved_cameras(family, kind):
    torch.manual_seed(0)
    network, rng = build(f"{family}/{kind}", {"input_size": 32}).eval(), np.random.default_rng(3)
    engine = make_engine(network, "cpu", "torch")
    counts, others = bins(rng, network, 3), bins(rng, network, 3, 1.0)
    start = [np.zeros((13, *[network.config.heatmap_size] * 2), np.float32)]
    start.append([rng.normal(0, 0.5, s).astype("f4") for s in network.state_shapes()])
    streams = [engine.new_stream(), engine.new_stream()]
    streams[0].load(*start)
    got = [engine.step(streams, pair)[0].heatmaps for pair in zip(counts, others, strict=True)]
    network.reset(1)
    network.set_states([torch.from_numpy(state)[None] for state in start[1]])
    with torch.inference_mode():
        expected = [network.step(torch.from_numpy(each)[None])[0].numpy() for each in counts]
    assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))
    assert (engine.neurons > 0) == (kind.endswith("snn"))


@pytest.mark.parametrize("kind", ["torch", pytest.param("event_driven", marks=needs_kernels)])
def test_bad_input_is_named_and_changes_nothing(lively, kind):
    network = lively("lite/snn", SMALL)
    stream = make_engine(network, "cpu", kind).new_stream()
    before = stream.states()
    with pytest.raises(ValueError, match=r"expected counts \(2, 32, 32\), got \(2, 16, 32\)"):
        stream.step(np.zeros((2, 16, 32), np.float32))
    for bad in (-1.0, np.nan, np.inf):
        counts = np.ones((2, 32, 32), np.float32)
        counts[1, 31, 31] = bad
        with pytest.raises(ValueError, match="counts must be finite and >= 0, got"):
            stream.step(counts)
    heatmaps = np.zeros((13, 16, 16), np.float32)
    with pytest.raises(ValueError, match=r"expected heatmaps \(13, 16, 16\), got \(13, 8, 8\)"):
        stream.load(heatmaps[:, :8, :8], before)
    with pytest.raises(ValueError, match="expected states"):
        stream.load(heatmaps, before[:-1])
    assert all(np.array_equal(a, b) for a, b in zip(before, stream.states(), strict=True))


def test_engines_and_devices_are_checked(lively):
    network = lively("lite/snn", SMALL)
    with pytest.raises(ConfigError, match="'magic'"):
        make_engine(network, "cpu", "magic")
    with pytest.raises(ConfigError, match="runs on the cpu, got device 'cuda'"):
        make_engine(network, "cuda", "event_driven")
    with pytest.raises(ConfigError, match="'cuda_graph' runs on cuda, got device 'cpu'"):
        make_engine(network, "cpu", "cuda_graph")
    with pytest.raises(ConfigError, match="'tpu'"):
        resolve_device("tpu")
    if not torch.cuda.is_available():
        assert resolve_device("auto") == "cpu"
        with pytest.raises(ConfigError, match="no usable GPU"):
            resolve_device("cuda")


@needs_kernels
def test_the_event_driven_engine_names_what_it_cannot_run(lively):
    with pytest.raises(ConfigError, match="runs spiking networks, got lite/rnn"):
        make_engine(build("lite/rnn", {"input_size": 32}), "cpu", "event_driven")
    network = lively("lite/snn", SMALL)
    with pytest.raises(ConfigError, match="threads must be >= 1, got 0"):
        EventDrivenEngine(network, 0)
    with pytest.raises(ConfigError, match=r"instruction_set must be one of .* got 'mmx'"):
        EventDrivenEngine(network, 1, "mmx")


def test_without_kernels_the_package_runs_on_pytorch(lively, monkeypatch):
    monkeypatch.setattr("hybrid_pose_ros.native.library.library", lambda: None)
    network = lively("lite/snn", SMALL)
    assert type(make_engine(network)).__name__ == "TorchEngine"
    with pytest.raises(ConfigError, match="was not built here; install a C"):
        make_engine(network, "cpu", "event_driven")


def test_states_survive_the_transport_to_half_precision(lively, random_start):
    network, rng = lively("lite/hybrid_cnn_snn", SMALL), np.random.default_rng(5)
    heatmaps, states = random_start(network, rng)
    heatmaps = heatmaps.transpose(1, 2, 0).copy().transpose(2, 0, 1)  # channels-last, as CNNs give
    data = state_transport.pack(heatmaps, states)
    again, states_again = state_transport.unpack(data, network)
    assert np.array_equal(again, heatmaps.astype("f2").astype("f4"))
    for a, b in zip(states_again, states, strict=True):
        assert np.array_equal(a, b.astype("f2").astype("f4"))
    with pytest.raises(ValueError, match=f"{len(data) - 2} bytes, this network's {len(data)}"):
        state_transport.unpack(data[:-2], network)
    heatmaps[0, 0, :3] = 1e6, -np.inf, 65519.0
    again, _ = state_transport.unpack(state_transport.pack(heatmaps, states), network)
    assert again[0, 0, :3].tolist() == [65504.0, -65504.0, 65504.0]
