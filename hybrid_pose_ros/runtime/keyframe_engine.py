"""Engines for keyframes: event counts of a window to heatmaps and what the steps start from.

`TorchKeyframeEngine` is the network with its batch norms folded and, on a CPU, channels last.
`WinogradKeyframeEngine` is that with fewer multiplications in the layers of the published CNN.
`OpenVinoKeyframeEngine` compiles the folded network with OpenVINO where that is installed, the
fastest for `lite` (benchmarks/keyframe.py). All differ from the plain network by rounding only:
1e-4 at most where its numbers are about 1.
"""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.fold import folded
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.native.library import library
from hybrid_pose_ros.runtime.quick_blocks import quicken

KEYFRAME_ENGINES = ("auto", "torch", "openvino", "winograd")


class KeyframeEngine(Protocol):
    """Runs the CNN and the state initialisers of one network."""

    def run(self, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """(20, S, S) float32 counts -> heatmaps (13, h, w) and parts (C, H, W), float32, owned.

        Parts are the states, but for those that are zero or equal (`PoseNetwork.keyframe_parts`).

        Raises:
            ValueError: another shape, or counts that are negative, infinite or NaN.
        """


def make_keyframe_engine(
    network: PoseNetwork, device: str = "cpu", kind: str = "auto", threads: int = 1
) -> KeyframeEngine:
    """The keyframe engine for a device: the fastest that can run this network there.

    Args:
        threads: of OpenVINO and the C++ kernels; PyTorch's are set for the whole process.

    Raises:
        ConfigError: unknown kind, a network without a CNN, or an engine that cannot run here.
    """
    if kind not in KEYFRAME_ENGINES:
        known = ", ".join(KEYFRAME_ENGINES)
        raise ConfigError(f"keyframe engine must be one of {known}, got {kind!r}")
    if not network.has_keyframe:
        raise ConfigError(
            f"a {network.config.preset}/{network.kind} has no keyframes; use a CNN or a hybrid"
        )
    installed = importlib.util.find_spec("openvino") is not None
    if kind == "openvino" and device != "cpu":
        raise ConfigError(f"keyframe engine 'openvino' runs on the cpu, got device {device!r}")
    if kind == "openvino" and not installed:
        raise ConfigError(
            "keyframe engine 'openvino' is not installed; pip install openvino, or choose 'torch'"
        )
    if kind == "winograd":
        _check_winograd(device)
    paper = network.config.preset == "paper"
    if kind == "winograd" or (kind == "auto" and paper and device == "cpu" and library()):
        return WinogradKeyframeEngine(network, threads)
    if device == "cpu" and kind != "torch" and installed:
        return OpenVinoKeyframeEngine(network, threads)
    return TorchKeyframeEngine(network, device)


def _check_winograd(device: str) -> None:
    if device != "cpu":
        raise ConfigError(f"keyframe engine 'winograd' runs on the cpu, got device {device!r}")
    if library() is None:
        raise ConfigError(
            "keyframe engine 'winograd' was not built here; install a C++ compiler and rebuild, "
            "or choose 'torch'"
        )


class TorchKeyframeEngine:
    """The network's own modules, batch norms folded."""

    def __init__(self, network: PoseNetwork, device: str = "cpu") -> None:
        self._start = _Start(network, device)
        self._device = device

    @torch.inference_mode()
    def run(self, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        checked = self._start.check(x)
        outputs = self._start(torch.from_numpy(checked)[None].to(self._device))
        # Not contiguous, as the memory is channels-last: whoever packs or loads them copies anyway.
        arrays = [tensor[0].float().cpu().numpy() for tensor in outputs]
        return arrays[0], arrays[1:]


class WinogradKeyframeEngine(TorchKeyframeEngine):
    """Folded, and the layers of the published CNN by faster algorithms; needs the C++ kernels.

    Args:
        threads: of these; results do not depend on it.
    """

    def __init__(self, network: PoseNetwork, threads: int = 1) -> None:
        super().__init__(network, "cpu")
        quicken(self._start.network, threads)
        self._start.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


class OpenVinoKeyframeEngine:
    """The network compiled by OpenVINO for this CPU, float32.

    Args:
        threads: they are not bound to cores, which other processes of a robot need too.
    """

    def __init__(self, network: PoseNetwork, threads: int = 1) -> None:
        self._start = _Start(network, "cpu")
        side = network.config.input_size
        self._request = _compiled(self._start, threads, side).create_infer_request()
        self._count = 1 + len(network.parts_of(network.keyframe_parts()))

    def run(self, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        checked = self._start.check(x)
        self._request.infer({0: checked[None]}, share_inputs=True)
        # Copies: the request writes its next answer into the same memory.
        arrays = [self._request.get_output_tensor(i).data[0].copy() for i in range(self._count)]
        return arrays[0], arrays[1:]


class _Start:
    """A folded copy of a network as a function: counts to heatmaps and parts."""

    def __init__(self, network: PoseNetwork, device: str) -> None:
        self.network = folded(network).to(device).requires_grad_(False)
        self.network.check_counts = False  # here, before the copy to a GPU
        if device == "cpu":
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        config = network.config
        self.shape = (config.keyframe_channels, config.input_size, config.input_size)

    def __call__(self, x: Tensor) -> tuple[Tensor, ...]:
        heatmaps = self.network._keyframe(x)
        return (heatmaps, *self.network.parts_of(self.network.states))

    def check(self, x: np.ndarray) -> np.ndarray:
        if x.shape != self.shape:
            raise ValueError(f"expected counts {self.shape}, got {x.shape}")
        low, high = float(x.min()), float(x.max())
        if not (low >= 0 and high < np.inf):  # false for NaN too
            raise ValueError(f"counts must be finite and >= 0, got {low} to {high}")
        return np.ascontiguousarray(x, np.float32)


def _compiled(start: _Start, threads: int, side: int) -> Any:
    """OpenVINO's model, straight from a trace: its own converter would report to its makers."""
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros(1, *start.shape)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of shapes that the trace fixes, as is wanted
        trace = torch.jit.trace(lambda x: start(x), example, check_trace=False)
    decoder = TorchScriptPythonDecoder(trace)  # must outlive the conversion
    frontend = FrontEndManager().load_by_framework("pytorch")
    model = frontend.convert(frontend.load(decoder))
    model.reshape([1, start.shape[0], side, side])
    return openvino.Core().compile_model(
        model,
        "CPU",
        {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": "f32",
        },
    )
