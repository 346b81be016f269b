"""A process that renders simulated cameras ahead of their time, for a stream that looks live."""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing.queues import Queue
from pathlib import Path

import numpy as np

from hybrid_pose_ros.data.cdr import build_event_packet
from hybrid_pose_ros.errors import ConfigError, UserError
from hybrid_pose_ros.events.encoder import encode_evt3
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.performance import (
    MAX_SECONDS,
    Performance,
    perform_mocap,
    perform_movement,
)
from hybrid_pose_ros.simulator.recording import PACKET_NS
from hybrid_pose_ros.simulator.sensor import SensorModel
from hybrid_pose_ros.simulator.simulate import camera_run, check_in_view

CHUNK_NS = 100_000_000
PACKETS = CHUNK_NS // PACKET_NS  # in a chunk


@dataclass(frozen=True)
class SimOptions:
    """What is simulated.

    Attributes:
        subject: 1..17, or above 100 for a random person.
        movements: numbers or names, done in turn, again and again.
        movement_s: seconds of each.
        motion: motion capture file (.amc, .bvh) in place of the movements; empty for none.
        sensor: davis346, dvxplorer, gen3_vga or evk4; empty for the rig's pixels.
        seed: varies rhythm, sway, pixels and noise.
    """

    subject: int = 13
    movements: tuple[str, ...] = ("9", "22", "27", "33")
    movement_s: float = 10.0
    motion: str = ""
    sensor: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.movements and not self.motion:
            raise ConfigError("movements must be one or more numbers or names, got []")
        if not 1.0 <= self.movement_s <= MAX_SECONDS:
            raise ConfigError(f"movement_s must be in 1..{MAX_SECONDS}, got {self.movement_s}")
        if self.seed < 0:
            raise ConfigError(f"seed must not be negative, got {self.seed}")


@dataclass(frozen=True)
class Piece:
    """A tenth of a second of one camera.

    Attributes:
        camera: its name.
        packets: serialised event packets, whose stamps are to be set.
        truth: (PACKETS, 13, 3) joints at the packets' ends, m; only with the first camera.
        events: how many.
    """

    camera: str
    packets: list[bytes]
    truth: np.ndarray | None
    events: int


def perform(options: SimOptions, part: int = 0) -> Performance:
    """Part number `part` of the endless performance, an hour each.

    Raises:
        UserError: something in the options does not exist.
    """
    if options.motion:
        return perform_mocap(options.subject, Path(options.motion), seconds=MAX_SECONDS)
    count = int(MAX_SECONDS // options.movement_s)
    turn = (options.movements * (count // len(options.movements) + 1))[:count]
    return perform_movement(
        options.subject, ",".join(turn), options.seed + part, count * options.movement_s
    )


def check(options: SimOptions, cameras: list[Camera]) -> None:
    """Refuse what a worker would fail at.

    Raises:
        UserError: something in the options does not exist, or a camera does not see the person.
    """
    truth = markers_of(perform(options).bones(np.arange(0.0, 2.0, 0.1)))
    for camera in cameras:
        check_in_view(camera, truth)


def pieces(
    options: SimOptions, sensor: SensorModel, cameras: list[Camera], with_truth: bool
) -> Iterator[Piece]:
    """Endlessly, the cameras in turn."""
    part, start_ns, seq = 0, 0, 0
    while True:
        performance = perform(options, part)
        length_ns = int(performance.seconds * 1e9) // CHUNK_NS * CHUNK_NS
        whole = replace(performance, seconds=length_ns * 1e-9)
        runs = [
            camera_run(whole, camera, sensor, options.seed + part).chunks(whole.seconds, CHUNK_NS)
            for camera in cameras
        ]
        for offset in range(0, length_ns, CHUNK_NS):
            ends = offset + PACKET_NS * np.arange(1, PACKETS + 1)
            truth = markers_of(whole.bones(ends * 1e-9)) if with_truth else None
            for camera, run in zip(cameras, runs, strict=True):
                events = next(run)[1]
                packets = _packets(camera, events, ends, start_ns, seq)
                yield Piece(camera.name, packets, truth, len(events))
                truth = None
            seq += PACKETS
        part, start_ns = part + 1, start_ns + length_ns


def _packets(
    camera: Camera, events: np.ndarray, ends: np.ndarray, start_ns: int, seq: int
) -> list[bytes]:
    cuts = np.concatenate([[0], np.searchsorted(events["t"], ends)])
    events["t"] += start_ns
    return [
        build_event_packet(
            encode_evt3(events[cuts[k] : cuts[k + 1]], start_ns + end),
            stamp_ns=0,
            frame_id=camera.frame_id,
            width=camera.width,
            height=camera.height,
            seq=seq + k,
        )
        for k, end in enumerate(ends.tolist())
    ]


def work(
    options: SimOptions,
    sensor: SensorModel,
    cameras: list[Camera],
    with_truth: bool,
    out: Queue,
) -> None:
    """Fill the queue until the parent process is gone; an error goes into the queue too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    parent = os.getppid()
    try:
        for piece in pieces(options, sensor, cameras, with_truth):
            while True:
                try:
                    out.put(piece, timeout=0.5)
                    break
                except queue.Full:
                    if os.getppid() != parent:
                        return
    except UserError as error:
        out.put(error)
