"""What the drivers of parity.py share: a comparison, and the generator of weights and inputs."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.presets import KINDS, build

FIXTURE = Path(__file__).parents[1] / "test/data/fixture"
TOLERANCE = 2e-5  # of outputs, states and sums per element


@dataclass(frozen=True)
class Check:
    """One key held against its reference.

    Attributes:
        key: in the file.
        difference: the largest one; for what must be equal, how many differ.
        tolerance: that is accepted.
        uses: further keys of the file that the comparison read.
        note: what is unusual about it; a check with `driven` False only carries this.
    """

    key: str
    difference: float = 0.0
    tolerance: float = 0.0
    uses: tuple[str, ...] = ()
    note: str = ""
    driven: bool = True

    @property
    def passed(self) -> bool:
        """NaN is never within tolerance."""
        return self.difference <= self.tolerance

    def line(self) -> str:
        """As printed."""
        if not self.driven:
            return f"{'not driven':<11}{self.key}: {self.note}"
        state = "ok" if self.passed else "OUT"
        text = f"{state:<11}{self.key:<34} {self.difference:.3g} (accepted {self.tolerance:.3g})"
        return text + (f"  {self.note}" if self.note else "")


def close(
    key: str, ours: Any, reference: np.ndarray, tolerance: float = TOLERANCE, **more: Any
) -> Check:
    """Largest absolute difference; NaN equals NaN; another shape is out of tolerance."""
    ours = np.asarray(ours, np.float64)
    reference = np.asarray(reference, np.float64)
    if ours.shape != reference.shape:
        return Check(key, np.inf, tolerance, note=f"shape {ours.shape}, expected {reference.shape}")
    both = np.isnan(ours) & np.isnan(reference)
    difference = np.where(both, 0.0, np.abs(ours - reference))
    return Check(key, float(difference.max(initial=0.0)), tolerance, **more)


def equal(key: str, ours: Any, reference: np.ndarray, **more: Any) -> Check:
    """How many elements differ."""
    ours = np.asarray(ours)
    if ours.shape != reference.shape:
        return Check(key, np.inf, 0.0, note=f"shape {ours.shape}, expected {reference.shape}")
    return Check(key, float((ours != reference).sum()), 0.0, **more)


def kind_of(stem: str) -> str | None:
    """The network that a file's name says, the longest name first."""
    for kind in sorted(KINDS, key=len, reverse=True):
        if re.search(rf"(^|[^a-z]){kind}([^a-z]|$)", stem):
            return kind
    return None


class Generator:
    """`gen.py` of the folder, or the fixture's: weights and inputs of a file by its name."""

    def __init__(self, folder: Path) -> None:
        own = folder / "gen.py"
        self.module = _load(own if own.is_file() else FIXTURE / "gen.py")
        keys = folder if (folder / "keys.json").is_file() else FIXTURE
        self.module.HERE = str(keys.resolve())  # type: ignore[attr-defined]

    def named(self, function: str, stem: str) -> np.ndarray | dict[str, np.ndarray] | None:
        """gen.<function> of the file's own name, else of its network; None if there is none."""
        call = getattr(self.module, function, None)
        if call is None:
            return None
        for name in (stem, kind_of(stem)):
            try:
                return call(name)
            except (KeyError, ValueError, TypeError, FileNotFoundError):
                continue
        return None

    def network(self, stem: str, data: dict[str, np.ndarray]) -> PoseNetwork:
        """The network of a file, in eval mode."""
        kind = kind_of(stem)
        settings = {key: float(data[key]) for key in ("tau", "decay") if key in data}
        model = build(f"paper/{kind}", settings)
        weights = self.named("state_dict", stem)
        assert isinstance(weights, dict), f"gen.py has no state_dict for {stem}"
        model.load_state_dict({k: torch.from_numpy(np.asarray(v)) for k, v in weights.items()})
        return model.eval()

    def bins(self, stem: str, data: dict[str, np.ndarray]) -> torch.Tensor:
        """(T, 1, 2, S, S) counts: the file's own, those of its seed, or gen.snn_input."""
        salt = re.search(r"(?:seed|salt)_?(\d+)", stem)
        if "snn_input" in data:
            counts = data["snn_input"]
        elif "salt" in data or "seed" in data or (salt and not self._knows(stem)):
            number = int(data.get("salt", data.get("seed", salt[1] if salt else 0)))
            counts = self.module.histogram(f"snn_input_{number}")
        else:
            counts = self.named("snn_input", stem)
        tensor = torch.from_numpy(np.asarray(counts, np.float32))
        return tensor[:, None] if tensor.ndim == 4 else tensor

    def keyframe(self, step: int, data: dict[str, np.ndarray]) -> torch.Tensor:
        """(1, 20, S, S) counts of a keyframe: the file's own or gen.cnn_input."""
        if "cnn_input" in data:
            own = data["cnn_input"]
            counts = own if own.ndim == 3 else own[step]
        else:
            counts = self.module.cnn_input(step)
        tensor = torch.from_numpy(np.asarray(counts, np.float32))
        return tensor if tensor.ndim == 4 else tensor[None]

    def sample(self, tensor: torch.Tensor, count: int) -> np.ndarray:
        """`count` elements at the generator's places, those of the first sequence."""
        flat = tensor.detach().flatten()
        return flat[torch.from_numpy(self.module.sample_index(flat.numel(), count))].numpy()

    def _knows(self, stem: str) -> bool:
        return stem in getattr(self.module, "SNN_SALT", {})


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"parity_gen_{path.parent.name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
