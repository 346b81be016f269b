"""Plays a recording through the live graph, one process per node, and records what comes out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.events.decoder import PacketDecoder
from hybrid_pose_ros.pose.rig import Rig, check_sensor
from hybrid_pose_ros.runtime.child import ProcessSpec
from hybrid_pose_ros.runtime.domain import private_domain
from hybrid_pose_ros.runtime.graph import ESTIMATORS, GraphOptions, Value, node
from hybrid_pose_ros.runtime.process_usage import Usage
from hybrid_pose_ros.runtime.supervisor import Supervisor

# Files in the folder of a run.
POSES, PUBLISHED, LOG = "poses", "published.npz", "graph.log"
_SAMPLE_S = 1.0
# Nodes that use less processor time than this in half a second have nothing left to do.
_IDLE_S, _SETTLE_S = 0.15, 20.0
_PLAYING = "playing "  # begins what the replay node logs when it starts


def check_recording(bag: Path, rig: Rig) -> None:
    """Find out before anything is started whether the graph can take this recording.

    Raises:
        RecordingError: it is missing, damaged, or lacks a camera's topic.
        CalibrationError: a sensor's size is not the calibrated one.
        EncodingError: its events' encoding is not known.
    """
    with open_recording(bag) as recording:
        for name, camera in rig.cameras.items():
            info = recording.require_camera(f"/{name}/events")
            check_sensor(camera, info.width, info.height)
            PacketDecoder(info.encoding, info.width, info.height)


def play_through_graph(bag: Path, options: GraphOptions, folder: Path) -> float:
    """Run the graph on a recording, in a DDS domain of its own.

    Args:
        bag: the recording.
        options: parameters of the nodes; the environment is added to.
        folder: existing; gets the bag of poses, the publish log and what the nodes logged.

    Returns:
        The graph's memory at its peak, MB (proportional set size).

    Raises:
        ProcessError: a node died; it says which and why.
    """
    with open_recording(bag) as recording:
        seconds = (recording.end_ns - recording.start_ns) * 1e-9
    specs = graph_processes(bag, options, folder)
    with (folder / LOG).open("w", encoding="utf-8") as log:
        watch = _Watch(log, seconds)
        with Supervisor(specs, write=watch.line, shown=False) as graph:
            watch.graph = graph
            graph.wait("replay_node", watch.tick)
            _settle(graph)
            graph.stop(*ESTIMATORS)
            graph.stop()
        watch.close()
    return watch.peak_bytes / 1e6


def _settle(graph: Supervisor) -> None:
    """Wait until the nodes have worked off what has come, on a machine that is too slow."""
    deadline_s = time.monotonic() + _SETTLE_S
    busy_s = 2 * _IDLE_S
    before = _cpu_s(graph)
    while busy_s > _IDLE_S and time.monotonic() < deadline_s:
        time.sleep(0.5)
        graph.check()
        after = _cpu_s(graph)
        busy_s, before = after - before, after


def _cpu_s(graph: Supervisor) -> float:
    return sum(one.cpu_s for name, one in graph.usage().items() if name in ESTIMATORS)


def graph_processes(bag: Path, options: GraphOptions, folder: Path) -> list[ProcessSpec]:
    """The processes of a run: estimators, recorder, replay."""
    options = GraphOptions(
        **{**vars(options), "environment": {**private_domain(), **options.environment}}
    )
    replay: dict[str, Value] = {
        "bag": str(bag),
        "publish_log": str(folder / PUBLISHED),
        "subscribers": 2,  # CNN and SNN
        # The fusion, which compiles its kernels when it starts for the first time ever.
        "publishers": ["skeleton"],
        "timeout_s": 120.0,
        "start_delay_s": 1.0,  # until everything behind them is connected too
        "end_delay_s": 0.5,
    }
    return [
        *(node(name, options) for name in ESTIMATORS),
        node("recorder_node", options, {"out": str(folder / POSES)}),
        node("replay_node", options, replay, may_finish=True),
    ]


class _Watch:
    """Shows progress, keeps the log, samples memory."""

    def __init__(self, log: TextIO, seconds: float) -> None:
        self.peak_bytes = 0
        self.graph: Supervisor | None = None
        self._log = log
        self._began_s: float | None = None
        self._next_sample_s = 0.0
        self._seconds = seconds
        self._bar: tqdm | None = None
        self._last_usage: dict[str, Usage] = {}
        print("starting the nodes ...", flush=True)

    def line(self, line: str) -> None:
        self._log.write(line + "\n")
        if _PLAYING in line and self._began_s is None:
            self._began_s = time.monotonic()

    def tick(self) -> None:
        now_s = time.monotonic()
        if self._began_s is not None:
            if self._bar is None:
                form = "{l_bar}{bar}| {n:.0f}/{total:.0f} s"
                self._bar = tqdm(total=self._seconds, desc="playing in real time", bar_format=form)
            played = min(now_s - self._began_s, self._seconds)
            self._bar.update(played - self._bar.n)
        if now_s >= self._next_sample_s and self.graph is not None:
            self._next_sample_s = now_s + _SAMPLE_S
            usage = self.graph.usage()
            self._last_usage |= usage
            used = sum(one.pss_bytes for one in usage.values())
            self.peak_bytes = max(self.peak_bytes, used)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        for name, usage in self._last_usage.items():
            memory_mb = usage.pss_bytes / 1e6
            self._log.write(f"{name} used {usage.cpu_s:.1f} s of processor, {memory_mb:.0f} MB\n")
