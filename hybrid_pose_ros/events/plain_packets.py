"""Events and triggers to packets of 64-bit words, `mono` and `trigger`: exact to the nanosecond."""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.errors import EncodingError

# Times count from the packet's time_base in 32 bits.
MAX_SPAN_NS = (1 << 32) - 1
_MAX_Y = 0x7FFF


def encode_mono(events: np.ndarray) -> tuple[int, bytes]:
    """time_base_ns and payload of a `mono` packet.

    Args:
        events: EVENT_DTYPE, sorted by time, from 0 on, over at most MAX_SPAN_NS.

    Raises:
        EncodingError: if times or rows do not fit.
    """
    if not len(events):
        return 0, b""
    base_ns = int(events["t"][0])
    times = events["t"] - base_ns
    if base_ns < 0 or times[0] > times[-1] or times.min() < 0 or times.max() > MAX_SPAN_NS:
        raise EncodingError(
            f"events from {events['t'].min()} to {events['t'].max()} ns do not fit one packet of "
            f"{MAX_SPAN_NS} ns; sort and cut them"
        )
    if events["y"].max() > _MAX_Y:
        raise EncodingError(f"row {events['y'].max()} is beyond {_MAX_Y}, the largest of 'mono'")
    words = np.empty((len(events), 2), "<u4")
    words[:, 0] = times
    polarity = (events["p"] != 0).astype(np.uint32) << 31
    words[:, 1] = events["x"] | (events["y"].astype(np.uint32) << 16) | polarity
    return base_ns, words.tobytes()


def encode_triggers(edges: np.ndarray) -> tuple[int, bytes]:
    """time_base_ns and payload of a `trigger` packet.

    Args:
        edges: (n, 3) int64, t in ns (sorted, over at most MAX_SPAN_NS), id, edge.

    Raises:
        EncodingError: if they do not fit.
    """
    base_ns = int(edges[0, 0])
    times = edges[:, 0] - base_ns
    if base_ns < 0 or times.min() < 0 or times.max() > MAX_SPAN_NS:
        raise EncodingError(
            f"triggers from {edges[0, 0]} to {edges[-1, 0]} ns do not fit one packet; cut them"
        )
    words = times.astype(np.uint64)
    words |= (edges[:, 1].astype(np.uint64) & np.uint64(0x7FFF)) << np.uint64(48)
    words |= (edges[:, 2] != 0).astype(np.uint64) << np.uint64(63)
    return base_ns, words.astype("<u8").tobytes()
