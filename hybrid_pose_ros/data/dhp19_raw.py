"""One raw DHP19 recording: an AEDAT 2.0 file of four cameras, and the Vicon markers in a .mat file.

Span, filters and their constants are those of the data set's own scripts,
github.com/SensorsINI/DHP19, generate_DHP19.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from hybrid_pose_ros.data.readers.aedat2 import CAMERAS, Aedat2File
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.events.types import EVENT_DTYPE

LABEL_NS = 10_000_000  # 100 Hz
_MARKERS = ("head",) + tuple(
    f"{joint}{side}"
    for joint in ("shoulder", "elbow", "hip", "hand", "knee", "foot")
    for side in "RL"
)
# More external signals than this only recordings have whose time is corrupted.
_MOST_SIGNALS = 5


@dataclass(frozen=True)
class RawRecording:
    """Events of all cameras, in the order of the file.

    Attributes:
        events: EVENT_DTYPE (n,) sorted by time.
        camera: (n,) uint8 number of the camera.
        signals_ns: times of the external signals, which start and stop the motion capture.
    """

    events: np.ndarray
    camera: np.ndarray
    signals_ns: np.ndarray


def read_raw_events(path: Path) -> RawRecording:
    """Read an .aedat file.

    Raises:
        RecordingError: it cannot be read, or has no events.
    """
    events, camera, signals = [], [], []
    try:
        with Aedat2File(path) as file:
            names = list(file.streams)
            for chunk in file.chunks():
                events.append(chunk.events)
                camera.append(np.full(len(chunk.events), names.index(chunk.stream), np.uint8))
                signals.append(chunk.triggers[:, 0])
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error}; download it again") from error
    if not sum(map(len, events)):
        raise RecordingError(f"{path} has no events; download it again")
    if len(names) != CAMERAS:
        raise RecordingError(f"{path} has one camera, not the {CAMERAS} of DHP19")
    joined = np.concatenate(events)
    order = np.argsort(joined["t"], kind="stable")
    return RawRecording(
        joined[order], np.concatenate(camera)[order], np.sort(np.concatenate(signals))
    )


def read_markers(path: Path) -> np.ndarray:
    """Positions (n, 3, 13) in millimetres, NaN where a marker was lost, 100 a second.

    Raises:
        RecordingError: the file cannot be read or lacks a marker.
    """
    try:
        tree = loadmat(path, squeeze_me=True, struct_as_record=False)["XYZPOS"]
    except KeyError:
        raise RecordingError(f"{path} has no XYZPOS; it is not of DHP19's Vicon_data") from None
    except (OSError, ValueError, NotImplementedError, MatReadError) as error:
        raise RecordingError(f"{path} cannot be read: {error}; download it again") from error
    columns = []
    for name in _MARKERS:
        values = np.atleast_2d(np.asarray(getattr(tree, name, np.empty(0)), np.float64))
        if values.ndim != 2 or values.shape[1] != 3:
            raise RecordingError(f"{path}: XYZPOS.{name} is missing or not n x 3")
        columns.append(values)
    counts = {len(values) for values in columns}
    if len(counts) != 1:
        raise RecordingError(f"{path}: the markers of XYZPOS have different lengths {counts}")
    return np.stack(columns, axis=-1)


def span(raw: RawRecording, labels: int, path: Path) -> tuple[int, int]:
    """Start and end in nanoseconds of the motion capture on the events' clock.

    Three or five signals hold both; with fewer, the one that there is starts or stops the
    capture, whichever end of the recording it is nearer to, and the labels tell how long it took.

    Raises:
        RecordingError: there are so many signals that the recording is corrupted.
    """
    signals, times = raw.signals_ns, raw.events["t"]
    first, last = int(times[0]), int(times[-1])
    if len(signals) == 0:
        return first, last
    if len(signals) > _MOST_SIGNALS:
        raise RecordingError(
            f"{path} has {len(signals)} external signals; the recording is corrupted and not part "
            "of the data set"
        )
    signal = int(signals[0])
    if len(signals) in (3, 5):
        return signal, int(signals[-1])
    if signal - first > last - signal:
        return signal - labels * LABEL_NS, signal
    return signal, signal + labels * LABEL_NS


def cut(raw: RawRecording, start_ns: int, end_ns: int) -> RawRecording:
    """The events between the two times, both excluded; times from `start_ns` on."""
    inside = (raw.events["t"] > start_ns) & (raw.events["t"] < end_ns)
    events = raw.events[inside].astype(EVENT_DTYPE)
    events["t"] -= start_ns
    return RawRecording(events, raw.camera[inside], raw.signals_ns)
