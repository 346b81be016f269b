"""What a batch shows, as tensors: one image per take, a take being one camera that sees one person.

People, motion, optics and backdrops are those that the other executor uses, made by the same code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.simulator.body import SHOE, body_of
from hybrid_pose_ros.simulator.performance import Performance
from hybrid_pose_ros.simulator.scene import Optics, backdrop, cloth_pattern
from hybrid_pose_ros.simulator.shadow import SHOES
from hybrid_pose_ros.simulator.view import entropy_of, generators

Take = tuple[int, Camera]  # which of the performances, and who sees it


@dataclass(frozen=True)
class Scenes:
    """What stays the same: N takes of C performances with at most P parts, on one device.

    Attributes:
        who: (N,) int64 performance of each take.
        view: (N, 4, 4), rays: (N, 3, 3), centre: (N, 3) float64, see `scene.Optics`.
        background: (N, H, W) float32 radiance.
        materials: (C, P, MATERIAL_SIZE) float32; zeros beyond a body's parts.
        present: (C, P) bool, which parts there are.
        shoes: (C, SHOES) int64, which of them cast shadows.
        lamps: (C, L, 4), ambient: (C,) float32.
        patterns: (C, T, T) float32 of the cloth.
    """

    who: Tensor
    view: Tensor
    rays: Tensor
    centre: Tensor
    background: Tensor
    materials: Tensor
    present: Tensor
    shoes: Tensor
    lamps: Tensor
    ambient: Tensor
    patterns: Tensor


def scenes_of(
    performances: Sequence[Performance],
    seeds: Sequence[int],
    takes: Sequence[Take],
    device: torch.device,
) -> Scenes:
    """Everything still about the takes.

    Args:
        performances: the people and what they do.
        seeds: of each performance, for the backdrops.
        takes: cameras must have the same number of pixels.

    Raises:
        ConfigError: there is no take, cameras differ in size, or one has a lens model.
    """
    sizes = {(camera.height, camera.width) for _, camera in takes}
    if len(sizes) != 1:
        found = ", ".join(f"{w} x {h}" for h, w in sorted(sizes)) or "none"
        raise ConfigError(f"a batch needs cameras of one size, got {found}; simulate them apart")
    shape = sizes.pop()
    optics = [Optics.of(camera) for _, camera in takes]
    backdrops = []
    for (who, camera), seen in zip(takes, optics, strict=True):
        entropy = entropy_of(seeds[who], performances[who].person, camera)
        backdrops.append(backdrop(seen, shape, generators(entropy)[2]))
    materials, present = _materials(performances)
    shoes = np.nonzero(materials[..., 0] == SHOE)[1].reshape(len(materials), SHOES)

    def tensor(values: object, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.as_tensor(np.asarray(values)).to(device, dtype)

    people = [performance.person for performance in performances]
    return Scenes(
        who=tensor([who for who, _ in takes], torch.int64),
        view=tensor([each.view for each in optics], torch.float64),
        rays=tensor([each.rays for each in optics], torch.float64),
        centre=tensor([each.centre for each in optics], torch.float64),
        background=tensor(backdrops),
        materials=tensor(materials),
        present=tensor(present, torch.bool),
        shoes=tensor(shoes, torch.int64),
        lamps=tensor([person.lamps for person in people]),
        ambient=tensor([person.ambient for person in people]),
        patterns=tensor([cloth_pattern(person.seed, person.texture) for person in people]),
    )


def _materials(performances: Sequence[Performance]) -> tuple[np.ndarray, np.ndarray]:
    """(C, P, MATERIAL_SIZE) and (C, P) of the bodies, padded to the largest."""
    each = [body_of(p.bones(np.zeros(1)), p.person).materials for p in performances]
    materials = np.zeros((len(each), max(map(len, each)), each[0].shape[1]))
    present = np.zeros(materials.shape[:2], bool)
    for i, values in enumerate(each):
        materials[i, : len(values)] = values
        present[i, : len(values)] = True
    return materials, present
