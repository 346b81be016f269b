"""From the publication of a bin's last event to the skeleton's reception."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.eval.results import Results
from hybrid_pose_ros.eval.source import CameraSource


@dataclass(frozen=True)
class Published:
    """What the replay node noted, see runtime/playback.py.

    Attributes:
        published_ns: topic -> (packets,) wall time of every packet's publication.
        first_ns, start_ns, rate: how recorded times became wall times.
    """

    published_ns: dict[str, np.ndarray]
    first_ns: int
    start_ns: int
    rate: float

    def to_recorded(self, stamp_ns: np.ndarray) -> np.ndarray:
        """ROS time of the recording from ROS time of the replay."""
        elapsed = np.asarray(stamp_ns, np.int64) - self.start_ns
        return self.first_ns + (
            elapsed if self.rate == 1.0 else np.round(elapsed * self.rate).astype(np.int64)
        )


def read_published(path: Path) -> Published:
    """Read the replay node's publish log.

    Raises:
        RecordingError: it is missing or damaged.
    """
    try:
        with np.load(path) as log:
            times = {
                str(name): log["published_ns"][log["topic"] == index]
                for index, name in enumerate(log["topics"])
            }
            return Published(times, int(log["first_ns"]), int(log["start_ns"]), float(log["rate"]))
    except (OSError, KeyError, ValueError) as error:
        raise RecordingError(f"publish log {path} cannot be read: {error}; replay again") from error


def latencies_ms(
    results: Results, sources: dict[str, CameraSource], published: Published, bin_ns: int
) -> np.ndarray:
    """Milliseconds per skeleton; skeletons that no camera's update belongs to are left out.

    The last event that a skeleton needs lies in the packet that proves that time has reached the
    end of the bin; with several cameras the latest of these packets counts.
    """
    skeletons = results.skeletons
    needed_ns = np.full(len(skeletons), -1, np.int64)
    for name, updates in results.updates.items():
        sent_ns = published.published_ns.get(f"/{name}/events", np.zeros(0, np.int64))
        ends_ns = sources[name].packet_end_ns[: len(sent_ns)]
        if not len(updates) or not len(sent_ns):
            continue
        nearest = _nearest(updates.stamp_ns, skeletons.stamp_ns)
        distance = np.abs(updates.stamp_ns[nearest] - skeletons.stamp_ns)
        packet = np.searchsorted(ends_ns, updates.sensor_ns[nearest])
        known = (distance <= bin_ns // 2) & (packet < len(sent_ns))
        when_ns = sent_ns[np.minimum(packet, len(sent_ns) - 1)]
        needed_ns = np.where(known, np.maximum(needed_ns, when_ns), needed_ns)
    some = needed_ns >= 0
    return (skeletons.received_ns[some] - needed_ns[some]) / 1e6


def _nearest(sorted_ns: np.ndarray, wanted_ns: np.ndarray) -> np.ndarray:
    """Index of the nearest entry of an ascending array for every wanted value."""
    right = np.clip(np.searchsorted(sorted_ns, wanted_ns), 1, max(1, len(sorted_ns) - 1))
    right = np.minimum(right, len(sorted_ns) - 1)
    left = np.maximum(right - 1, 0)
    closer = np.abs(sorted_ns[left] - wanted_ns) <= np.abs(sorted_ns[right] - wanted_ns)
    return np.where(closer, left, right)
