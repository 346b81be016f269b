"""What went in: a recording's events in sensor time, and when its packets had proven which time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hybrid_pose_ros.data.bag import Recording, open_recording
from hybrid_pose_ros.events.types import EVENT_DTYPE
from hybrid_pose_ros.pose.rig import Rig
from hybrid_pose_ros.runtime.camera_input import CameraInput


@dataclass(frozen=True)
class CameraSource:
    """One camera of a recording.

    Attributes:
        events: EVENT_DTYPE, sensor time.
        packet_end_ns: (packets,) sensor time that the stream had reached with each packet.
        offset_ns: the recording's ROS time minus sensor time.
    """

    events: np.ndarray
    packet_end_ns: np.ndarray
    offset_ns: int

    def bins(self, bin_ns: int) -> tuple[int, int]:
        """First bin with an event, and the one after the last that is complete."""
        if not len(self.events):
            return 0, 0
        return int(self.events["t"][0]) // bin_ns, int(self.packet_end_ns[-1]) // bin_ns


def read_source(path: Path, rig: Rig) -> dict[str, CameraSource]:
    """Decode the whole recording; camera `c` is read from topic `/c/events`.

    Raises:
        RecordingError: a topic is missing, or the recording is damaged.
    """
    with open_recording(path) as recording:
        return {name: _read_camera(recording, rig, name) for name in rig.cameras}


def _read_camera(recording: Recording, rig: Rig, name: str) -> CameraSource:
    inputs = CameraInput(rig.cameras[name])
    events, ends, offsets = [np.zeros(0, EVENT_DTYPE)], [], []
    recording.require_camera(f"/{name}/events")
    for packet in recording.packets([f"/{name}/events"]):
        decoded = inputs.decode(packet)
        if inputs.refusal is not None:
            raise inputs.refusal
        events.append(decoded.events)
        ends.append(decoded.t_end_ns)
        if decoded.t_end_ns >= 0:
            offsets.append(packet.stamp_ns - decoded.t_end_ns)
    end_ns = np.maximum.accumulate(np.array(ends, np.int64))
    return CameraSource(np.concatenate(events), end_ns, min(offsets, default=0))
