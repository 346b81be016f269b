"""Unpacks lz4 frames and zstd, in pieces and up to a limit."""

from __future__ import annotations

import sys

import lz4.frame

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_PIECE = 1 << 20
# What the libraries raise on damaged bytes.
ERRORS = (ValueError, RuntimeError, EOFError, zstd.ZstdError)


def inflate(data: bytes | memoryview, form: str, limit: int) -> bytes:
    """What `data` unpacks to.

    Args:
        form: "lz4", "zstd", or empty for none.
        limit: most bytes that it may unpack to.

    Raises:
        ValueError: if the form is not known, or the data cut short or too large.
        Exception: one of ERRORS, if the data is damaged.
    """
    if not form:
        return bytes(data)
    if form not in ("lz4", "zstd"):
        raise ValueError(f"compression '{form}' is not known")
    unpacker = lz4.frame.LZ4FrameDecompressor() if form == "lz4" else zstd.ZstdDecompressor()
    # Room is made for a whole piece at once: not for the limit.
    pieces = [unpacker.decompress(data, _PIECE)]
    while not unpacker.eof:
        pieces.append(unpacker.decompress(b"", _PIECE))
        if not pieces[-1] or len(pieces) * _PIECE > limit + _PIECE:
            raise ValueError("packed data is cut short, or too large")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
