"""Drives a network through its steps and holds what a file has of it: outputs, spikes, states."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from parity_checks import TOLERANCE, Check, Generator, close, equal, kind_of

from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.paper.snn import LAYERS
from hybrid_pose_ros.pose.published import argmax_landmarks

SAMPLES = 256
STATES = re.compile(r"^(v|h|c|state|states|hidden|cell|mem|membrane)_(sample|stat)")
FIRST_STATES = re.compile(r"^(v_?init|h_?init|init|states?_init|init_states?)_(sample|stat)")


@dataclass
class Trace:
    """What one run showed; small samples and sums of everything large."""

    outputs: list[np.ndarray] = field(default_factory=list)  # (13, S, S) per step
    spikes: list[list[int]] = field(default_factory=list)
    states: list[list[tuple[np.ndarray, np.ndarray]]] = field(default_factory=list)
    first: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    keyframe: np.ndarray | None = None
    neurons: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)  # of the states


def understands(stem: str, data: dict[str, np.ndarray]) -> bool:
    """Whether this is a file of a network's steps."""
    return kind_of(stem) is not None and bool(
        {"out", "landmarks", "spikes", "out_stat"} & set(data)
    )


def drive(
    stem: str, data: dict[str, np.ndarray], generator: Generator, steps: int | None
) -> Iterator[Check]:
    """Every key of the file that is understood, against one run of the network."""
    model = generator.network(stem, data)
    whole = _steps(data)
    count = min(whole, steps or whole)
    trace = run(model, stem, data, generator, count)
    data = {key: _first_steps(key, value, whole, count) for key, value in data.items()}
    for key, reference in data.items():
        yield from _outputs(key, reference, trace)
        yield from _spiking(key, reference, trace)
        yield from _states(key, reference, trace, whole)


@torch.inference_mode()
def run(
    model: PoseNetwork, stem: str, data: dict[str, np.ndarray], generator: Generator, steps: int
) -> Trace:
    """A CNN: one keyframe per step. The others: one bin per step, hybrids after keyframe 0."""
    trace = Trace(sizes=[int(np.prod(shape)) for shape in model.state_shapes()])
    if not model.has_step:
        for step in range(steps):
            trace.outputs.append(model.keyframe(generator.keyframe(step, data))[0].numpy())
        return trace
    if model.has_keyframe:
        trace.keyframe = model.keyframe(generator.keyframe(0, data))[0].numpy()
        trace.first = _summary(model, generator)
    else:
        model.reset(1)
    for counts in generator.bins(stem, data)[:steps]:
        trace.outputs.append(model.step(counts)[0].numpy())
        trace.spikes.append([int(layer.sum()) for layer in model.spikes])
        trace.states.append(_summary(model, generator))
    trace.neurons = [layer[0].numel() for layer in model.spikes]
    return trace


def _summary(model: PoseNetwork, generator: Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per state: samples (256,), and sum and sum of magnitudes per element (2,)."""
    return [
        (
            generator.sample(state, SAMPLES),
            np.array([state.double().sum(), state.double().abs().sum()]) / state.numel(),
        )
        for state in model.states
    ]


def _outputs(key: str, reference: np.ndarray, trace: Trace) -> Iterator[Check]:
    """out, out_stat, landmarks, peak, margin; the same with "cnn_" before, of the keyframe."""
    if key.startswith("cnn_"):
        if trace.keyframe is None:
            return
        maps, name = trace.keyframe[None], key.removeprefix("cnn_")
        reference = reference[:, None] if name == "out_stat" else reference[None]
    else:
        maps, name = np.stack(trace.outputs), key
    flat = np.sort(maps.reshape(*maps.shape[:2], -1), -1)[..., -2:] if name == "margin" else None
    if name == "out":
        stride = maps.shape[-1] // reference.shape[-1]
        yield close(key, maps[..., ::stride, ::stride], reference)
    elif name == "out_stat":
        cells = maps.shape[-1] * maps.shape[-2]
        sums = np.stack([maps.sum((2, 3), np.float64), np.abs(maps).sum((2, 3), np.float64)])
        yield close(key, sums / cells, reference / cells, note="per cell")
    elif name == "landmarks":
        yield equal(key, argmax_landmarks(maps), reference)
    elif name == "peak":
        yield close(key, maps.max((2, 3)), reference)
    elif flat is not None:
        yield close(key, flat[..., 1] - flat[..., 0], reference, 2 * TOLERANCE)


def _spiking(key: str, reference: np.ndarray, trace: Trace) -> Iterator[Check]:
    if key == "spikes" and trace.neurons:
        yield equal(key, trace.spikes, reference)
    elif key == "layers" and trace.neurons:
        yield equal(key, np.array([name for name, _, _ in LAYERS]), reference)
    elif key == "neurons" and trace.neurons:
        yield equal(key, trace.neurons, reference)


def _states(key: str, reference: np.ndarray, trace: Trace, whole: int) -> Iterator[Check]:
    """Samples or sums of states: first ones, last ones, first and last, or all steps' (by shape).

    Of a run that was cut short, the first ones only.
    """
    first, later = FIRST_STATES.match(key), STATES.match(key)
    match = first or later
    runs = [trace.first] if first else trace.states
    if match is None or not runs or not runs[0]:
        return
    layers, cut = len(runs[0]), not first and len(runs) < whole
    count = int(np.prod(reference.shape[:-1]))
    every = 2 if 2 * count == layers else 1  # hidden states without their cells
    flat = reference.reshape(count, reference.shape[-1])
    if count == 2 * layers:
        chosen = runs[:1] if cut else [runs[0], runs[-1]]
    elif count == whole * layers and not first:
        chosen = runs
    elif count * every == layers and not cut:
        chosen = runs[-1:]
    else:
        return
    part = ("sample", "stat").index(match[2])
    ours = np.stack([state[part] for states in chosen for state in states[::every]])
    flat = flat[: len(ours)]
    if part == 1:
        sizes = np.array((trace.sizes[::every]) * len(chosen))
        yield close(key, ours, flat / sizes[:, None], note="per element")
    else:
        yield close(key, ours, flat)


def _steps(data: dict[str, np.ndarray]) -> int:
    """Number of steps that a file covers."""
    for key in ("out", "landmarks", "spikes", "peak"):
        if key in data:
            return len(data[key])
    return data["out_stat"].shape[1] if "out_stat" in data else 10


def _first_steps(key: str, value: np.ndarray, whole: int, count: int) -> np.ndarray:
    """The part of a key that the first `count` of all steps give."""
    if key in ("out", "landmarks", "peak", "margin", "spikes"):
        return value[:count]
    return value[:, :count] if key == "out_stat" else value
