"""Message definitions for reading and writing bags without ROS.

Standard messages come from the `rosbags` library (ROS 2 Jazzy), the event camera messages are
declared here, and the package's own are read from its msg folder.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from hybrid_pose_ros.resources import PACKAGE, share_path

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

EVENT_PACKET = "event_camera_msgs/msg/EventPacket"
# The older name of the same fields.
EVENT_ARRAY = "event_array_msgs/msg/EventArray"
EVENT_TYPES = (EVENT_PACKET, EVENT_ARRAY)
SKELETON_3D = f"{PACKAGE}/msg/Skeleton3D"

_EVENT_FIELDS = """\
std_msgs/Header header
uint32 height
uint32 width
uint64 seq
uint64 time_base
string encoding
bool is_bigendian
uint8[] events
"""


@cache
def message_types() -> Typestore:
    """All message types that the package reads and writes (built once)."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for name in EVENT_TYPES:
        store.register(get_types_from_msg(_EVENT_FIELDS, name))
    for path in sorted(share_path("msg").glob("*.msg")):
        store.register(get_types_from_msg(path.read_text("utf-8"), f"{PACKAGE}/msg/{path.stem}"))
    return store


def make_message(msgtype: str, fields: dict[str, Any]) -> Any:
    """A message of `msgtype`; nested messages may be given as dicts too.

    Raises:
        KeyError: if the type is not known.
        TypeError: if a field is missing or is none of the type's.
    """
    store = message_types()
    nested = {
        name: str(kind[1]) for name, kind in store.fielddefs[msgtype][1] if kind[0].name == "NAME"
    }
    values = {
        name: make_message(nested[name], value) if isinstance(value, dict) else value
        for name, value in fields.items()
    }
    return store.types[msgtype](**values)


def header(stamp_ns: int, frame_id: str) -> dict[str, Any]:
    """Fields of a std_msgs/Header."""
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    return {"stamp": {"sec": sec, "nanosec": nanosec}, "frame_id": frame_id}
