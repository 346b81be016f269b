"""The serialised dvs_msgs/EventArray taken apart: the older message, one record per event."""

from __future__ import annotations

import struct

from hybrid_pose_ros.data.cdr import PacketRecord
from hybrid_pose_ros.data.ros1 import read_header
from hybrid_pose_ros.errors import EncodingError
from hybrid_pose_ros.events.codecs.dvs import ALIGNED_BYTES, PACKED_BYTES

DVS_TYPES = ("dvs_msgs/msg/EventArray", "prophesee_event_msgs/msg/EventArray")
CDR, ROS1 = "dvs", "dvs_ros1"  # names for how the events of such a message lie in it
_STRIDES = {CDR: ALIGNED_BYTES, ROS1: PACKED_BYTES}


def parse_dvs_array(
    raw: bytes, topic: str = "", log_time_ns: int = 0, encoding: str = CDR
) -> PacketRecord:
    """Fields of a serialised event array; the events are not copied.

    Args:
        encoding: CDR (ROS 2) or ROS1.

    Returns:
        A record whose payload starts with the first event; packets are numbered in ROS 1 only.

    Raises:
        EncodingError: if the bytes are not such a message.
    """
    try:
        if encoding == ROS1:
            seq, stamp_ns, frame_id, at = read_header(raw)
        else:
            seq, stamp_ns, frame_id, at = _read_cdr_header(raw)
        height, width, count = struct.unpack_from("<III", raw, at)
    except (struct.error, UnicodeDecodeError):
        raise EncodingError(
            f"{len(raw)} bytes are not a serialised {topic or 'event'} array; the topic must have "
            "the type dvs_msgs/EventArray"
        ) from None
    stride = _STRIDES[encoding]
    length = max(0, count * stride - (stride - PACKED_BYTES))
    payload = memoryview(raw)[at + 12 : at + 12 + length]
    if len(payload) != length:
        raise EncodingError(
            f"event array of {stamp_ns} ns is cut short: {len(payload)} of {length} bytes; record "
            "it again or leave it out"
        )
    return PacketRecord(
        topic, log_time_ns, stamp_ns, frame_id, width, height, encoding, 0, seq, payload, False, raw
    )


def _read_cdr_header(raw: bytes) -> tuple[int, int, str, int]:
    if raw[:2] != b"\x00\x01":
        raise struct.error("not little-endian CDR")
    sec, nanosec, length = struct.unpack_from("<iII", raw, 4)
    end = 16 + length
    if end > len(raw):
        raise struct.error("a string is longer than the message")
    frame_id = raw[16:end].rstrip(b"\0").decode()
    return 0, sec * 1_000_000_000 + nanosec, frame_id, end + -end % 4
