"""Broken payloads: no crash, no hang, nothing outside of the sensor, time that makes sense."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hybrid_pose_ros.events.decoder import CODECS, PacketDecoder
from hybrid_pose_ros.events.encoder import encode_evt3
from hybrid_pose_ros.events.types import EVENT_DTYPE, DecodedPacket

WIDTH, HEIGHT = 346, 260
PACKETS = 20_000


def valid_payload(encoding: str, rng: np.random.Generator, count: int = 60) -> bytearray:
    times = np.sort(rng.integers(0, 100_000, count))
    x, y = rng.integers(0, WIDTH, count), rng.integers(0, HEIGHT, count)
    p = rng.integers(0, 2, count)
    if encoding == "evt3":
        events = np.zeros(count, EVENT_DTYPE)
        events["t"], events["x"], events["y"], events["p"] = times * 1000, x, y, p
        return bytearray(encode_evt3(events, 100_000_000))
    if encoding == "libcaer_cmp":
        words = np.stack(
            [0x1000 | times & 0xFFF, 0x2000 | x, 0x3000 | p << 11 | y, 0x4000 | y & 0x7F8,
             0x5000 | y & 0xFF], axis=1
        )  # fmt: skip
        return bytearray(words.astype("<u2").tobytes())
    words = times.astype("<u8")
    if encoding == "libcaer":
        words = words << 32 | (x << 17 | y << 2 | p << 1 | 1).astype("<u8")
    else:
        words = words | (p << 31 | y << 16 | x).astype("<u8") << 32
    return bytearray(words.tobytes())


def mutate(payload: bytearray, rng: random.Random) -> bytes:
    payload = bytearray(payload)
    for _ in range(rng.randrange(1, 8)):
        kind, at = rng.randrange(4), rng.randrange(len(payload) + 1)
        if kind == 0:  # another byte
            payload[at : at + 1] = rng.randbytes(1)
        elif kind == 1:  # flipped bit
            if at < len(payload):
                payload[at] ^= 1 << rng.randrange(8)
        elif kind == 2:  # lost bytes
            del payload[at : at + rng.randrange(1, 9)]
        else:  # noise
            payload[at:at] = rng.randbytes(rng.randrange(1, 9))
    return bytes(payload)


def check(packets: list[DecodedPacket]) -> int:
    """Assert what holds for any input; returns the number of events."""
    events = np.concatenate([packet.events for packet in packets])
    if len(events):
        assert events["x"].max() < WIDTH
        assert events["y"].max() < HEIGHT
        assert events["p"].max() <= 1
        assert events["t"].min() >= 0
    if not any("time_reset" in packet.faults for packet in packets):
        assert np.all(np.diff(events["t"]) >= 0)
        assert np.all(np.diff([packet.t_end_ns for packet in packets]) >= 0)
    for packet in packets:
        if len(packet.events) and "time_reset" not in packet.faults:
            assert packet.t_end_ns >= packet.events["t"][-1]
    return len(events)


@pytest.mark.parametrize("encoding", CODECS)
def test_mutations(encoding):
    rng = random.Random(20)
    payloads = [valid_payload(encoding, np.random.default_rng(n)) for n in range(20)]
    decoder, packets, events = PacketDecoder(encoding, WIDTH, HEIGHT), [], 0
    for n in range(PACKETS):
        payload = rng.randbytes(200) if n % 50 == 0 else mutate(rng.choice(payloads), rng)
        packets.append(decoder.decode(payload, n * 1_000_000))
        if len(packets) == 100:
            events += check(packets)
            packets = []
    assert events > PACKETS or encoding == "trigger"  # most of it is still there
