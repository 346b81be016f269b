"""Everything that an evaluation judged, in Markdown."""

from __future__ import annotations

from typing import Any

from hybrid_pose_ros.eval.joint_table import joints_markdown
from hybrid_pose_ros.eval.keyframe_curve_table import curve_markdown
from hybrid_pose_ros.eval.reliability_table import reliability_markdown
from hybrid_pose_ros.eval.tables import markdown


def whole_markdown(result: dict[str, Any]) -> str:
    """Everything that was judged."""
    parts = (markdown, joints_markdown, reliability_markdown, curve_markdown)
    return "".join(part(result) for part in parts)
