"""What the settings of every network have in common; the record travels with the weights."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Self

from hybrid_pose_ros.settings import build_record


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Base of the settings. A subclass adds its fields, all with defaults.

    Attributes:
        preset: family of networks, "paper" or "lite".
        input_size: side of the square input, pixels.
        keyframe_bins: time bins per polarity of the CNN's input.
        joints: number of heatmaps.
    """

    preset: ClassVar[str]
    input_size: int
    keyframe_bins: int
    joints: int

    @property
    def heatmap_size(self) -> int:
        """Side of the square heatmaps, cells."""
        raise NotImplementedError

    @property
    def keyframe_channels(self) -> int:
        """Channels of the CNN's input: OFF bins, then ON bins."""
        return 2 * self.keyframe_bins

    def asdict(self) -> dict[str, Any]:
        """The settings as JSON can hold them; `from_dict` reads them back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str = "network") -> Self:
        """Rebuild from `asdict` (JSON turns tuples into lists); `where` is named in errors.

        Raises:
            ConfigError: a key is no setting, or a value of the wrong type or out of range.
        """
        return build_record(cls, values, where)
