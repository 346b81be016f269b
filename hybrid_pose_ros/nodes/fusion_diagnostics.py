"""What the fusion tells on /diagnostics: one status per camera and one for the skeletons."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from hybrid_pose_ros.runtime.fused_skeleton import FusedSkeleton
from hybrid_pose_ros.runtime.fusion import Fusion
from hybrid_pose_ros.runtime.pose_assembler import PoseAssembler

# A camera is suspicious when more than this share of its joints contradicts the others.
_SUSPICIOUS_SHARE = 0.3


class FusionDiagnostics:
    """Counts between two reports; rates are per second of the time that `message` is told.

    Args:
        name: name of the node, the prefix of every status.
        fusion: whose counters to report.
        assemblers: by camera, whose counters to report.
    """

    def __init__(self, name: str, fusion: Fusion, assemblers: Mapping[str, PoseAssembler]) -> None:
        self._name = name
        self._fusion = fusion
        self._assemblers = assemblers
        self._before: dict[str, dict[str, int]] = {camera: {} for camera in assemblers}
        self._skeletons = 0
        self._latest: FusedSkeleton | None = None

    def count(self, skeleton: FusedSkeleton) -> None:
        """Note a published skeleton."""
        self._skeletons += 1
        self._latest = skeleton

    def message(self, stamp: Time, seconds: float) -> DiagnosticArray:
        """The report of the last `seconds`."""
        report = DiagnosticArray()
        report.header.stamp = stamp
        report.status = [self._camera(camera, seconds) for camera in self._assemblers]
        report.status.append(self._output(seconds))
        self._skeletons = 0
        return report

    def _camera(self, camera: str, seconds: float) -> DiagnosticStatus:
        known = self._fusion.report(camera)
        total = {**self._assemblers[camera].counters, **known.counters}
        before, self._before[camera] = self._before[camera], total
        new = {key: value - before.get(key, 0) for key, value in total.items()}
        share = new["rejected"] / new["joints"] if new["joints"] else 0.0
        if not known.used:
            level, text = DiagnosticStatus.ERROR, known.verdict
        elif not known.live:
            level, text = DiagnosticStatus.ERROR, "no poses"
        elif known.verdict != "ok":
            level, text = DiagnosticStatus.WARN, known.verdict
        elif share > _SUSPICIOUS_SHARE:
            level, text = DiagnosticStatus.WARN, "contradicts the other cameras or the motion"
        elif new["late"] + new["jumps"] + new.get("orphans", 0):
            level, text = DiagnosticStatus.WARN, "poses were dropped"
        else:
            level, text = DiagnosticStatus.OK, "ok"
        newest_ns = max(self._fusion.report(name).last_ns for name in self._assemblers)
        values = {
            "rate_hz": f"{new.get('updates', 0) / seconds:.1f}",
            "keyframe_rate_hz": f"{new.get('keyframes', 0) / seconds:.1f}",
            "behind_newest_ms": f"{(newest_ns - known.last_ns) / 1e6:.1f}"
            if known.last_ns >= 0
            else "never seen",
            "used": str(known.used).lower(),
            "residual_px": f"{known.offset_px:.2f}",
            "rejected_share": f"{share:.3f}",
            **{key: str(value) for key, value in sorted(total.items())},
        }
        return self._status(f"camera {camera}", level, text, values)

    def _output(self, seconds: float) -> DiagnosticStatus:
        values = {"rate_hz": f"{self._skeletons / seconds:.1f}"}
        level, text = DiagnosticStatus.OK, "ok"
        if self._skeletons == 0 or self._latest is None:
            level, text = DiagnosticStatus.WARN, "no skeletons"
        else:
            known = int((self._latest.confidence > 0).sum())
            values["joints_known"] = str(known)
            values["confidence"] = f"{self._latest.confidence.mean():.2f}"
            values["views"] = f"{self._latest.views.mean():.1f}"
            error = self._latest.reprojection_px
            if np.isfinite(error).any():
                values["reprojection_px"] = f"{np.nanmean(error):.1f}"
            if self._fusion.disagree:
                level, text = DiagnosticStatus.ERROR, "cameras disagree: check the calibration"
            elif known == 0:
                level, text = DiagnosticStatus.WARN, "no joint is seen by two cameras"
        return self._status("skeleton", level, text, values)

    def _status(
        self, name: str, level: bytes, text: str, values: dict[str, str]
    ) -> DiagnosticStatus:
        return DiagnosticStatus(
            level=level,
            name=f"{self._name}: {name}",
            message=text,
            hardware_id=name.removeprefix("camera "),
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
