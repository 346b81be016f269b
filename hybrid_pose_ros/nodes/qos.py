"""Quality of service, in one place."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _profile(reliability: ReliabilityPolicy, depth: int) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=reliability,
        durability=DurabilityPolicy.VOLATILE,
    )


# Said once, also to who comes later.
LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
# As event camera drivers publish: a subscriber that asks for more would receive nothing.
EVENTS = _profile(ReliabilityPolicy.BEST_EFFORT, 1000)
# For who needs the newest of a fast stream: no acknowledgement of each message, from any publisher.
FAST = _profile(ReliabilityPolicy.BEST_EFFORT, 50)
POSES = _profile(ReliabilityPolicy.RELIABLE, 50)
SKELETONS = _profile(ReliabilityPolicy.RELIABLE, 100)
IMAGES = _profile(ReliabilityPolicy.RELIABLE, 2)
DIAGNOSTICS = _profile(ReliabilityPolicy.RELIABLE, 10)
# A recorder must not lose what was promised to arrive, however long it is held up.
RECORD = _profile(ReliabilityPolicy.RELIABLE, 1000)
