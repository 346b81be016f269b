"""Drives functions by the keys of a file: neurons, metrics, labels, geometry, representations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from parity_checks import Check, Generator, close, equal

from hybrid_pose_ros.eval.published_metrics import mpjpe, mpjpe_3d
from hybrid_pose_ros.events.published import stacked_histogram, voxel_grid
from hybrid_pose_ros.models.lif import Lif
from hybrid_pose_ros.pose.published import (
    argmax_landmarks,
    nearest_to_lines,
    ray_points,
    triangulate_rays,
    view_labels,
)
from hybrid_pose_ros.train.published_losses import label_maps

MILLIMETRES = 1e-6  # accepted of geometry
# Recorded channel of DHP19 -> row of P.
CHANNELS = {0: 3, 1: 0, 2: 2, 3: 1}

Data = dict[str, np.ndarray]


def drive(data: Data, generator: Generator) -> Iterator[Check]:
    """Every key that one of the functions below understands."""
    for key, reference in data.items():
        for function in (_neurons, _metrics, _label_mse, _geometry, _view, _representation):
            yield from function(key, reference, data, generator)


def _neurons(key: str, reference: np.ndarray, data: Data, _: Generator) -> Iterator[Check]:
    if match := re.fullmatch(r"mp_tau([\d.]+)_v", key):
        tau, membrane, trace = float(match[1]), np.float32(0), []
        for x in data["x"]:
            membrane = membrane + (x - membrane) / np.float32(tau)
            trace.append(membrane)
        yield close(key, trace, reference, uses=("x",))
    match = re.fullmatch(
        r"tau([\d.]+)_(detach|nodetach)_(zero|vinit)_(spike|v|grad_x|grad_v0)", key
    )
    if match is None:
        return
    starts = match[3] == "vinit"
    results = _lif(float(match[1]), match[2] == "detach", starts, data)
    compare: Any = equal if match[4] == "spike" else close
    yield compare(key, results[match[4]], reference, uses=("x", "w", *(["v0"] if starts else [])))


def _lif(tau: float, detached: bool, starts: bool, data: Data) -> dict[str, np.ndarray]:
    """Forward and backward of sum(w spikes) + 0.1 sum(last v)."""
    lif = Lif(tau, step_mode="s")
    lif.detach_reset = detached
    x = torch.tensor(data["x"]).view(len(data["x"]), 1, -1, 1, 1).requires_grad_()
    v0 = torch.tensor(data["v0"]).view(1, -1, 1, 1).requires_grad_()
    if starts:
        lif.v = v0
    spikes, membranes = [], []
    for current in x:
        spikes.append(lif(current))
        membranes.append(lif.v)
    spike, v = torch.stack(spikes), torch.stack([m for m in membranes if not isinstance(m, float)])
    ((spike * torch.tensor(data["w"]).view(x.shape)).sum() + 0.1 * v[-1].sum()).backward()
    found = {"spike": spike.detach(), "v": v.detach(), "grad_x": x.grad}
    results = {name: value.reshape(data["x"].shape) for name, value in found.items()}  # type: ignore[union-attr]
    if starts:
        results["grad_v0"] = v0.grad.reshape(data["v0"].shape)  # type: ignore[union-attr]
    return {name: value.numpy() for name, value in results.items()}


def _metrics(key: str, reference: np.ndarray, data: Data, _: Generator) -> Iterator[Check]:
    if match := re.fullmatch(r"landmarks(\w*)", key):
        if (heat := "heat" + match[1]) in data:
            found = argmax_landmarks(data[heat].astype(np.float32))
            yield equal(key, found, reference, uses=(heat,))
    elif key.startswith("mpjpe_") and (target := f"{key}_target") in data:
        predicted = f"{key}_pred" if f"{key}_pred" in data else "landmarks"
        yield close(key, mpjpe(data[predicted], data[target]), reference, uses=(target, predicted))


def _label_mse(key: str, reference: np.ndarray, data: Data, gen: Generator) -> Iterator[Check]:
    """mse_<sigma>_<size>: blurred labels, and their error against noise of the key's name."""
    match = re.fullmatch(r"(mse_([\d.]+)_(\d+))(_noblur|_target_(?:max|sum|sample))?", key)
    if match is None or f"{match[1]}_xy" not in data:
        return
    name, sigma, size, what = match[1], float(match[2]), int(match[3]), match[4] or ""
    uv = torch.tensor(data[f"{name}_xy"], dtype=torch.float64)
    if f"{name}_present" in data:
        uv[~torch.tensor(data[f"{name}_present"])] = torch.nan
    labels = label_maps(uv, size, sigma, blur=what != "_noblur")
    uses = (f"{name}_xy", f"{name}_present", f"{name}_pred_crc")
    if what == "_target_max":
        yield close(key, labels.amax((-2, -1)), reference, uses=uses)
    elif what == "_target_sum":
        yield close(key, labels.double().sum((-2, -1)), reference, uses=uses)
    elif what == "_target_sample":
        stride = size // reference.shape[-1]
        sample = labels[0, : len(reference), ::stride, ::stride]
        yield close(key, sample, reference, uses=uses)
    else:
        noise = 0.3 * gen.module.rng(name).standard_normal(labels.shape)
        predicted = noise.astype(np.float32)
        crc = data.get(f"{name}_pred_crc")
        if crc is not None and gen.module.crc(predicted) != int(crc.ravel()[0]):
            yield Check(key, note="the predictions of this file are not known", driven=False)
            return
        mean = torch.nn.functional.mse_loss(torch.from_numpy(predicted), labels)
        yield close(key, mean, reference, uses=uses)


def _geometry(key: str, reference: np.ndarray, data: Data, _: Generator) -> Iterator[Check]:
    close_mm = {"tolerance": MILLIMETRES}
    if match := re.fullmatch(r"(centre|uv_exact|ray_(\w+))_P(\d)", key):
        projection = data["P"][int(match[3]) - 1]
        if key.startswith("centre"):
            centre = -np.linalg.solve(projection[:, :3], projection[:, 3])
            yield close(key, centre, reference, **close_mm, uses=("P", "camera_positions"))
        elif key.startswith("uv_exact"):
            image = projection @ np.vstack([data["xyz"], np.ones(data["xyz"].shape[1])])
            yield close(key, image[:2] / image[2], reference, **close_mm, uses=("P", "xyz"))
        else:
            pixels = f"uv_{match[2]}_P{match[3]}"
            found = ray_points(data[pixels], projection)
            yield close(key, found, reference, **close_mm, uses=("P", pixels))
    elif key.endswith("_intersection") and (start := key[: -len("intersection")] + "p0") in data:
        end = start[:-1] + "1"
        found = nearest_to_lines(data[start], data[end])[None]
        yield close(key, found, reference, **close_mm, uses=(start, end))
    elif match := re.fullmatch(r"xyz_tri_(\w+)", key):
        pixels_of = [f"uv_{match[1]}_P2", f"uv_{match[1]}_P3"]  # camera rows 1 and 2
        uv = np.stack([data[name] for name in pixels_of])
        found = triangulate_rays(uv, data["P"][1:3], data["camera_positions"][1:3])
        uses = ("P", "camera_positions", *pixels_of)
        yield close(key, found, reference, **close_mm, uses=uses)
    elif match := re.fullmatch(r"(\w*mpjpe3d)_(no)?mask(ed)?", key):
        if f"{match[1]}_pred" not in data or reference.ndim:
            return
        counts = None if match[2] else data[f"{match[1]}_mask"].all(-1)
        found = mpjpe_3d(data[f"{match[1]}_pred"], data[f"{match[1]}_target"], counts)
        uses = tuple(f"{match[1]}_{part}" for part in ("pred", "target", "mask"))
        yield close(key, found, reference, tolerance=2e-5, uses=uses)


def _view(key: str, reference: np.ndarray, data: Data, _: Generator) -> Iterator[Check]:
    """label_cam<channel>_...: labels of a recorded channel."""
    match = re.fullmatch(r"label_cam(\d)_(landmarks|mask|pixels)", key)
    if match is None or "label_xyz" not in data:
        return
    landmarks, inside = view_labels(data["label_xyz"], data["P"][CHANNELS[int(match[1])]])
    uses = ("label_xyz", "P")
    if match[2] == "landmarks":
        yield close(key, landmarks, reference, tolerance=0.0, uses=uses)
    elif match[2] == "mask":
        yield equal(key, inside.astype(reference.dtype), reference, uses=uses)
    else:
        column, row = landmarks[:, inside].astype(int)
        found = np.column_stack([np.argwhere(inside), row, column])
        yield equal(key, found, reference, uses=uses)


def _representation(key: str, reference: np.ndarray, data: Data, _: Generator) -> Iterator[Check]:
    """hist_X, voxel_raw_X and voxel_norm_X as shape, index and value of the non-zeros."""
    match = re.fullmatch(r"(hist|voxel_raw|voxel_norm)_(\w+?)(_cutoff\d+)?_value", key)
    if match is None or f"ev_{match[2]}" not in data:
        return
    events, name = f"ev_{match[2]}", key.removesuffix("_value")
    x, y, p, t = data[events]
    bins, height, width = (int(value) for value in data[f"{events}_cfg"])
    if match[1] == "hist":  # a cut-off has no effect in the published code
        found = stacked_histogram(x, y, p, t, bins, height, width)
    else:
        found = voxel_grid(x, y, p, t, bins, height, width, match[1] == "voxel_norm")
    expected = np.zeros(data[f"{name}_shape"], np.float32)
    expected.ravel()[data[f"{name}_index"]] = reference
    uses = (events, f"{events}_cfg", f"{name}_shape", f"{name}_index")
    yield close(key, found, expected, uses=uses)
