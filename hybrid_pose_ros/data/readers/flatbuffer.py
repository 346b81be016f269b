"""The little of Google's FlatBuffers that AEDAT 4 needs: fields of tables, vectors, strings.

Offsets are checked by Python's slices and by struct: bytes outside of the buffer raise an error.
"""

from __future__ import annotations

import struct
from typing import NamedTuple


class Table(NamedTuple):
    """A table: the whole buffer and where the table starts in it."""

    data: memoryview
    at: int

    def field(self, number: int) -> int | None:
        """Position of a field's value; None if the table leaves it at its default."""
        (back,) = struct.unpack_from("<i", self.data, self.at)
        v_table = self.at - back
        if v_table < 0:
            raise ValueError("a table points outside of its packet")
        (length,) = struct.unpack_from("<H", self.data, v_table)
        if 4 + 2 * number + 2 > length:
            return None
        (offset,) = struct.unpack_from("<H", self.data, v_table + 4 + 2 * number)
        return self.at + offset if offset else None

    def integer(self, number: int, form: str, default: int) -> int:
        """A number in the form that struct knows, such as "<q"."""
        at = self.field(number)
        return default if at is None else int(struct.unpack_from(form, self.data, at)[0])

    def vector(self, number: int, item_bytes: int) -> memoryview:
        """The bytes of a vector, or of a string if item_bytes is 1."""
        at = self.field(number)
        if at is None:
            return self.data[:0]
        at += _offset(self.data, at)
        (count,) = struct.unpack_from("<I", self.data, at)
        body = self.data[at + 4 : at + 4 + count * item_bytes]
        if len(body) != count * item_bytes:
            raise ValueError(f"a vector of {count} items does not fit its packet")
        return body

    def tables(self, number: int) -> list[Table]:
        """The tables that a vector points to."""
        at = self.field(number)
        if at is None:
            return []
        at += _offset(self.data, at) + 4
        count = len(self.vector(number, 4)) // 4
        places = [at + 4 * i for i in range(count)]
        return [Table(self.data, place + _offset(self.data, place)) for place in places]


def root(data: bytes | memoryview, identifier: bytes) -> Table:
    """The root table of a buffer that starts with its size.

    Raises:
        ValueError: if the buffer is cut short or of another kind.
        struct.error: if it is shorter than its header.
    """
    view = memoryview(data)
    size, start, name = struct.unpack_from("<II4s", view)
    if name != identifier or size > len(view) - 4:
        raise ValueError(f"{len(view)} bytes are not a whole packet of the kind {identifier!r}")
    return Table(view, 4 + start)


def _offset(data: memoryview, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])
