"""Broken payloads: no crash, no hang, nothing outside of the sensor, time that makes sense.

By hand, with as many packets as one likes: python test/unit/test_events_fuzz.py --packets 1000000
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import numpy as np
import pytest
from numba import njit

from hybrid_pose_ros.events.decoder import CODECS, PacketDecoder
from hybrid_pose_ros.events.encoder import encode_evt3
from hybrid_pose_ros.events.types import EVENT_DTYPE

WIDTH, HEIGHT = 346, 260
PERIOD_NS = 5_000_000
PACKETS = 20_000
# Packets after a damaged one that it may harm: a damaged time of EVT3 may be up to ten units of
# 4.096 ms ahead. The other encodings of messages stand for themselves.
RECOVERY = {"evt3": 10}
MESSAGES = [encoding for encoding in CODECS if encoding != "evt2"]


def valid_payload(encoding: str, rng: np.random.Generator, base_us: int, count: int = 60) -> bytes:
    """`count` events of 5 ms from base_us on (a multiple of it), which is also the time base."""
    offsets = np.sort(rng.integers(0, 5000, count))
    times = offsets + base_us
    x, y = rng.integers(0, WIDTH, count), rng.integers(0, HEIGHT, count)
    p = rng.integers(0, 2, count)
    if encoding == "evt3":
        events = np.zeros(count, EVENT_DTYPE)
        events["t"], events["x"], events["y"], events["p"] = times * 1000, x, y, p
        return encode_evt3(events, base_us * 1000 + PERIOD_NS)
    if encoding == "evt2":
        words = np.stack([8 << 28 | times >> 6, p << 28 | (times & 63) << 22 | x << 11 | y], axis=1)
        return words.astype("<u4").tobytes()
    if encoding == "libcaer_cmp":
        words = np.stack(
            [offsets >> 12, 0x1000 | offsets & 0xFFF, 0x2000 | x, 0x3000 | p << 11 | y,
             0x4000 | y & 0x7F8, 0x5000 | y & 0xFF], axis=1
        )  # fmt: skip
        return words.astype("<u2").tobytes()
    if encoding.startswith("dvs"):
        kinds = [("x", "<u2"), ("y", "<u2"), ("sec", "<u4"), ("ns", "<u4"), ("p", "u1")]
        events = np.zeros(count, kinds)
        for name, values in zip(("x", "y", "ns", "p"), (x, y, times * 1000, p), strict=True):
            events[name] = values
        return events.tobytes() if encoding == "dvs_ros1" else _aligned(events)
    if encoding == "libcaer":
        words = offsets << 32 | (x << 17 | y << 2 | p << 1 | 1)
    else:
        words = offsets * 1000 | (p << 31 | y << 16 | x) << 32
    return words.astype("<i8").tobytes()


def _aligned(events: np.ndarray) -> bytes:
    """Packed events as CDR aligns them: each field to its own size."""
    out = bytearray()
    for event in events:
        for name in event.dtype.names:
            value = event[name].tobytes()
            out += bytes(-len(out) % len(value)) + value
    return bytes(out)


@njit
def mutate(payload: np.ndarray, out: np.ndarray, seed: int) -> int:
    """Change, lose and insert some bytes; `out` has 64 bytes of room more. Returns the length."""
    np.random.seed(seed)
    n = len(payload)
    out[:n] = payload
    for _ in range(np.random.randint(1, 8)):
        kind, at, count = np.random.randint(5), np.random.randint(n + 1), np.random.randint(1, 9)
        if kind == 0 and at < n:  # another byte
            out[at] = np.random.randint(256)
        elif kind == 1 and at < n:  # flipped bit
            out[at] ^= 1 << np.random.randint(8)
        elif kind == 2:  # lost bytes
            count = min(count, n - at)
            for i in range(at, n - count):
                out[i] = out[i + count]
            n -= count
        elif kind == 3:  # noise
            for i in range(n - 1, at - 1, -1):
                out[i + count] = out[i]
            for i in range(at, at + count):
                out[i] = np.random.randint(256)
            n += count
        elif kind == 4 and np.random.randint(4) == 0:  # cut short
            n = at
    return n


@njit
def wrong_events(words: np.ndarray, width: int, height: int) -> int:
    """Events that no packet may give; `words` holds two int64 per event."""
    wrong = 0
    for i in range(0, len(words), 2):
        packed = words[i + 1]
        x, y, p = packed & 0xFFFF, (packed >> 16) & 0xFFFF, (packed >> 32) & 0xFF
        wrong += words[i] < 0 or x >= width or y >= height or p > 1
    return wrong


@njit
def steps_back(words: np.ndarray) -> int:
    count = 0
    for i in range(2, len(words), 2):
        count += words[i] < words[i - 2]
    return count


def fuzz(encoding: str, packets: int, seed: int) -> tuple[int, Counter[str]]:
    """Decode mutated packets and noise; events and faults. Asserts what holds for any input."""
    rng = np.random.default_rng(seed)
    payloads = [np.frombuffer(valid_payload(encoding, rng, n * 5000), np.uint8) for n in range(50)]
    room = np.zeros(max(map(len, payloads)) + 64, np.uint8)
    decoder, faults, total = PacketDecoder(encoding, WIDTH, HEIGHT), Counter(), 0
    for n in range(packets):
        if n % 50 == 7:
            payload = rng.integers(0, 256, 200, np.uint8)
        else:
            payload = room[: mutate(payloads[n % 50], room, seed * packets + n)].copy()
        packet = decoder.decode(payload, n * PERIOD_NS, is_bigendian=n % 5000 == 4999)
        words = packet.events.view(np.int64)
        assert wrong_events(words, WIDTH, HEIGHT) == 0
        assert "time_reset" in packet.faults or steps_back(words) == 0
        assert packet.t_end_ns >= -1
        total += len(packet.events)
        faults.update(packet.faults)
    return total, faults


def recovery(encoding: str, trials: int, seed: int) -> Counter[int]:
    """How many packets after a mutated one still differ from what they would be without it."""
    rng = np.random.default_rng(seed)
    after = RECOVERY.get(encoding, 0) + 4
    counts: Counter[int] = Counter()
    payloads = [
        np.frombuffer(valid_payload(encoding, rng, n * 5000), np.uint8)
        for n in range(1000, 1000 + 2 + after)
    ]
    clean = PacketDecoder(encoding, WIDTH, HEIGHT)
    expected = [clean.decode(p, n * PERIOD_NS).events for n, p in enumerate(payloads)]
    room = np.zeros(max(map(len, payloads)) + 64, np.uint8)
    for trial in range(trials):
        decoder = PacketDecoder(encoding, WIDTH, HEIGHT)
        decoder.decode(payloads[0], 0)
        decoder.decode(room[: mutate(payloads[1], room, seed * trials + trial)].copy(), PERIOD_NS)
        last = 0
        for n in range(2, len(payloads)):
            if not np.array_equal(decoder.decode(payloads[n], n * PERIOD_NS).events, expected[n]):
                last = n - 1
        counts[last] += 1
    return counts


@pytest.mark.parametrize("encoding", CODECS)
def test_mutations(encoding):
    events, faults = fuzz(encoding, PACKETS, seed=1)
    if encoding != "trigger":  # most of it is still there
        assert events > 10 * PACKETS
        assert faults["coordinate"] > 0
        assert faults["time_backwards"] > 0
    assert faults["length"] > 0 or encoding == "dvs_ros1"


@pytest.mark.parametrize("encoding", MESSAGES)
def test_a_mutated_packet_does_not_harm_those_after_it(encoding):
    counts = recovery(encoding, 400, seed=2)
    assert max(counts) <= RECOVERY.get(encoding, 0)


def main() -> None:
    """Run the fuzz test of all encodings and print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=1_000_000, help="per encoding")
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args()
    for encoding in MESSAGES:
        began = time.perf_counter()
        events, faults = fuzz(encoding, args.packets, args.seed)
        lasting = recovery(encoding, args.packets // 100, args.seed)
        seconds = time.perf_counter() - began
        print(f"{encoding}: {args.packets} packets, {events} events, {seconds:.0f} s", flush=True)
        print(f"  faults {dict(faults)}")
        print(f"  packets harmed after a mutated one: {dict(sorted(lasting.items()))}", flush=True)


if __name__ == "__main__":
    main()
