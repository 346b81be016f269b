"""The pictures of a run: what each camera saw, what was estimated, and the truth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hybrid_pose_ros.eval.accuracy import mean_known
from hybrid_pose_ros.eval.report import Run
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.view.demo_frame import CameraView, DemoFrame

WINDOW_NS = 30_000_000  # of events in one picture
# An estimate this much older than the picture is not shown.
STALE_NS = 50_000_000


def frame_times(run: Run, fps: float) -> np.ndarray:
    """ROS times of the recording at which pictures are taken."""
    starts = [s.offset_ns + int(s.events["t"][0]) for s in run.sources.values() if len(s.events)]
    stops = [s.offset_ns + int(s.packet_end_ns[-1]) for s in run.sources.values() if len(s.events)]
    if not starts:
        return np.zeros(0, np.int64)
    return np.arange(min(starts), max(stops), int(1e9 / fps), dtype=np.int64)


def demo_frames(run: Run, fps: float, captions: dict[str, str]) -> Iterator[DemoFrame]:
    """One frame per picture.

    Args:
        run: with its recording, results and truth.
        fps: pictures per second of the recording.
        captions: figures that stay the same, for the title bar.
    """
    times = frame_times(run, fps)
    truth = run.truth.at(times)
    skeleton_ns = run.published.to_recorded(run.results.skeletons.stamp_ns)
    errors = {name: run.errors_2d(name) for name in run.results.updates}
    for index, t_ns in enumerate(times):
        cameras: dict[str, CameraView] = {}
        text = dict(captions)
        for name in run.sources:
            cameras[name], row = _camera(run, name, int(t_ns), truth[index])
            error = None if row is None else mean_known(errors[name][row])
            if error is not None:
                text[name] = f"{error:.1f} px"
        newest = _newest(skeleton_ns, int(t_ns))
        skeletons = run.results.skeletons
        yield DemoFrame(
            t_s=float(t_ns - times[0]) * 1e-9,
            cameras=cameras,
            xyz=None if newest is None else skeletons.xyz[newest],
            confidence=None if newest is None else skeletons.confidence[newest],
            truth_xyz=truth[index],
            captions=text,
        )


def _camera(run: Run, name: str, t_ns: int, truth: np.ndarray) -> tuple[CameraView, int | None]:
    """What one camera shows at ROS time t_ns, and the row of the update that is shown."""
    source, updates = run.sources[name], run.results.updates[name]
    sensor_ns = t_ns - source.offset_ns
    low, high = np.searchsorted(source.events["t"], [sensor_ns - WINDOW_NS, sensor_ns])
    row = _newest(updates.sensor_ns, sensor_ns)
    estimate = None
    if row is not None:
        estimate = Keypoints(updates.uv[row], updates.covariance[row], updates.confidence[row])
    uv = run.rig.cameras[name].project(truth)
    return (source.events[low:high], estimate, uv), row


def _newest(sorted_ns: np.ndarray, t_ns: int) -> int | None:
    """Row of the newest entry that is not stale at t_ns."""
    row = int(np.searchsorted(sorted_ns, t_ns, side="right")) - 1
    return row if row >= 0 and t_ns - sorted_ns[row] <= STALE_NS else None
