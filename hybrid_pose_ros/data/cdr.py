"""The serialised event packet (CDR) taken apart and put together by hand.

Generic deserialisation costs more than decoding the events does. This reads the dozen fields and
leaves the payload where it is. event_camera_msgs/EventPacket and event_array_msgs/EventArray have
the same fields.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from hybrid_pose_ros.errors import EncodingError

_ENCAPSULATION = 4  # bytes before the first field; alignment counts from here
_KINDS = {b"\x00\x00": ">", b"\x00\x01": "<"}  # plain CDR, as ROS 2 sends it


class PacketRecord(NamedTuple):
    """One event packet with its header.

    Attributes:
        topic: where it was recorded; empty if not from a bag.
        log_time_ns: when it was recorded, ROS time; 0 if not from a bag.
        stamp_ns: header.stamp, ROS time of arrival at the host.
        frame_id: header.frame_id.
        width, height: sensor size, pixels.
        encoding: name of the payload's encoding.
        time_base_ns: base of the times in the payload; its use depends on the encoding.
        seq: number of the packet in its stream.
        payload: the encoded events, a view into `raw`.
        is_bigendian: byte order of the payload's words.
        raw: the whole serialised message.
    """

    topic: str
    log_time_ns: int
    stamp_ns: int
    frame_id: str
    width: int
    height: int
    encoding: str
    time_base_ns: int
    seq: int
    payload: memoryview
    is_bigendian: bool
    raw: bytes


def parse_event_packet(raw: bytes, topic: str = "", log_time_ns: int = 0) -> PacketRecord:
    """Fields of a serialised event packet; the payload is not copied.

    Raises:
        EncodingError: if the bytes are not such a message.
    """
    try:
        order = _KINDS[bytes(raw[:2])]
        sec, nanosec, length = struct.unpack_from(order + "iII", raw, _ENCAPSULATION)
        frame_id, at = _string(raw, 16, length)
        at = _align(at, 4)
        height, width = struct.unpack_from(order + "II", raw, at)
        at = _align(at + 8, 8)
        seq, time_base, length = struct.unpack_from(order + "QQI", raw, at)
        encoding, at = _string(raw, at + 20, length)
        is_bigendian = raw[at] != 0
        at = _align(at + 1, 4)
        (length,) = struct.unpack_from(order + "I", raw, at)
    except (KeyError, IndexError, struct.error, UnicodeDecodeError):
        raise EncodingError(
            f"{len(raw)} bytes are not a serialised {topic or 'event'} packet; the topic must have "
            "the type event_camera_msgs/msg/EventPacket"
        ) from None
    payload = memoryview(raw)[at + 4 : at + 4 + length]
    if len(payload) != length:
        raise EncodingError(
            f"event packet {seq} is cut short: {len(payload)} of {length} bytes; record it again "
            "or leave it out"
        )
    return PacketRecord(
        topic,
        log_time_ns,
        sec * 1_000_000_000 + nanosec,
        frame_id,
        width,
        height,
        encoding,
        time_base,
        seq,
        payload,
        is_bigendian,
        raw,
    )


def build_event_packet(
    payload: bytes | memoryview,
    *,
    stamp_ns: int,
    frame_id: str,
    width: int,
    height: int,
    seq: int,
    encoding: str = "evt3",
    time_base_ns: int = 0,
    is_bigendian: bool = False,
) -> bytes:
    """The serialised event packet with these fields, little-endian."""
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    frame, name = frame_id.encode() + b"\0", encoding.encode() + b"\0"
    out = bytearray(b"\x00\x01\x00\x00")
    out += struct.pack("<iII", sec, nanosec, len(frame)) + frame
    out += bytes(_align(len(out), 4) - len(out)) + struct.pack("<II", height, width)
    out += bytes(_align(len(out), 8) - len(out))
    out += struct.pack("<QQI", seq, time_base_ns, len(name)) + name
    out += bytes([is_bigendian])
    out += bytes(_align(len(out), 4) - len(out)) + struct.pack("<I", len(payload))
    return bytes(out) + bytes(payload)


def restamp(raw: bytes | memoryview, stamp_ns: int) -> bytes:
    """A copy of a serialised message that starts with a header, with another header.stamp."""
    out = bytearray(raw)
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    struct.pack_into(_KINDS[bytes(out[:2])] + "iI", out, _ENCAPSULATION, sec, nanosec)
    return bytes(out)


def _align(at: int, size: int) -> int:
    """The next multiple of `size` after the encapsulation."""
    return at + (_ENCAPSULATION - at) % size


def _string(raw: bytes | memoryview, at: int, length: int) -> tuple[str, int]:
    """The string of `length` bytes (its zero included) at `at`, and where it ends."""
    end = at + length
    if length and raw[end - 1] != 0:
        raise IndexError("string without its terminating zero")
    return bytes(raw[at : max(at, end - 1)]).decode(), end
