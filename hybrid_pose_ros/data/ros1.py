"""Serialised ROS 1 messages: the event packet, turned into the CDR that everything else reads."""

from __future__ import annotations

import struct
from typing import NamedTuple

from hybrid_pose_ros.data.cdr import PacketRecord, build_event_packet, parse_event_packet
from hybrid_pose_ros.errors import EncodingError

_LATEST_STAMP_NS = 2**31 * 1_000_000_000 - 1  # seconds are signed in ROS 2


class Ros1Header(NamedTuple):
    """A std_msgs/Header of ROS 1, and the position after it."""

    seq: int
    stamp_ns: int
    frame_id: str
    end: int


def read_header(raw: bytes) -> Ros1Header:
    """The header that a message starts with.

    Raises:
        struct.error, UnicodeDecodeError: if the bytes are none.
    """
    seq, sec, nanosec, _ = struct.unpack_from("<IIII", raw)
    frame_id, end = read_string(raw, 12)
    return Ros1Header(seq, sec * 1_000_000_000 + nanosec, frame_id, end)


def read_string(raw: bytes, at: int) -> tuple[str, int]:
    """The string at `at`, and where it ends."""
    (length,) = struct.unpack_from("<I", raw, at)
    end = at + 4 + length
    if end > len(raw):
        raise struct.error("a string is longer than the message")
    return raw[at + 4 : end].decode(), end


def parse_ros1_packet(raw: bytes, topic: str = "", log_time_ns: int = 0) -> PacketRecord:
    """Fields of an event packet that ROS 1 serialised; `raw` of the record is CDR.

    Raises:
        EncodingError: if the bytes are not such a message.
    """
    try:
        header = read_header(raw)
        height, width, seq, base_ns = struct.unpack_from("<IIQQ", raw, header.end)
        encoding, at = read_string(raw, header.end + 24)
        is_bigendian, length = struct.unpack_from("<BI", raw, at)
    except (struct.error, UnicodeDecodeError):
        raise EncodingError(
            f"{len(raw)} bytes are not a serialised {topic or 'event'} packet of ROS 1; the topic "
            "must have the type event_camera_msgs/EventPacket"
        ) from None
    payload = memoryview(raw)[at + 5 : at + 5 + length]
    if len(payload) != length:
        raise EncodingError(
            f"event packet {seq} is cut short: {len(payload)} of {length} bytes; record it again "
            "or leave it out"
        )
    if header.stamp_ns > _LATEST_STAMP_NS:
        raise EncodingError(f"event packet {seq} has a stamp beyond the year 2038; it is damaged")
    cdr = build_event_packet(
        payload,
        stamp_ns=header.stamp_ns,
        frame_id=header.frame_id,
        width=width,
        height=height,
        seq=seq,
        encoding=encoding,
        time_base_ns=base_ns,
        is_bigendian=bool(is_bigendian),
    )
    return parse_event_packet(cdr, topic, log_time_ns)
