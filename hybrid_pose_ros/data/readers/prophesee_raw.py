"""Prophesee's .raw files: a text header and the words of the sensor, EVT2 or EVT3."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybrid_pose_ros.data.event_source import EventChunk
from hybrid_pose_ros.data.readers.plain_file import PlainFile
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.events.decoder import PacketDecoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# What sensors of these generations have; newer files tell their size.
_USUAL_SIZE = {"evt2": (640, 480), "evt3": (1280, 720)}
_WORD_BYTES = {"evt2": 4, "evt3": 2}
_NAME = "/events"


class RawFile(PlainFile):
    """An open .raw file."""

    kind = "Prophesee raw"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        lines = list(self._text_header(b"% ", b"% end"))
        self._start = self._file.tell()
        self._encoding, size = _read_header(path, lines)
        self._add_stream(_NAME, *size, self._encoding)

    def _read(self, streams: Sequence[str]) -> Iterator[EventChunk]:
        info = self.streams[_NAME]
        decoder = PacketDecoder(self._encoding, info.width, info.height)
        for block in self._blocks(self._start, _WORD_BYTES[self._encoding]):
            packet = decoder.decode(block, 0)
            edges, size = decoder.trigger_edges, len(block)
            yield EventChunk(_NAME, packet.events, packet.t_end_ns, edges, packet.faults, size=size)


def _read_header(path: Path, lines: list[str]) -> tuple[str, tuple[int, int]]:
    """Encoding and sensor size, such as from "% format EVT3;height=720;width=1280"."""
    values = dict(re.findall(r"^%\s+(\S+)\s+(.*)$", line)[0] for line in lines if " " in line[2:])
    form = values.get("format", "") or "EVT" + values.get("evt", "")
    encoding = form.split(";")[0].split(".")[0].lower()
    if encoding not in _WORD_BYTES:
        raise RecordingError(
            f"{path} holds '{form.split(';')[0]}'; of Prophesee's encodings EVT2 and EVT3 can be "
            "read: convert it with Metavision's metavision_evt3_raw_file_encoder"
        )
    geometry = re.fullmatch(r"(\d+)x(\d+)", values.get("geometry", ""))
    pairs = dict(re.findall(r"(width|height)=(\d+)", form)) or values
    if geometry:
        return encoding, (int(geometry[1]), int(geometry[2]))
    if "width" in pairs and "height" in pairs:
        return encoding, (int(pairs["width"]), int(pairs["height"]))
    return encoding, _USUAL_SIZE[encoding]
