"""The packets of one camera as they arrive: chooses the decoder, notices what was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybrid_pose_ros.events.decoder import PacketDecoder

if TYPE_CHECKING:
    from hybrid_pose_ros.data.cdr import PacketRecord
    from hybrid_pose_ros.events.types import DecodedPacket


class PacketStream:
    """Decodes the packets of one camera.

    Attributes:
        decoder: made by the first packet, anew when encoding or sensor size change, or when the
            numbering starts again (the driver was restarted); None before.
        lost: packets that are missing between the first and the last, by their numbers.
        gaps: places where packets are missing.
        restarts: how often the decoder was made anew.
    """

    def __init__(self) -> None:
        self.decoder: PacketDecoder | None = None
        self.lost = self.gaps = self.restarts = 0
        self._seq = -1

    def decode(self, record: PacketRecord) -> DecodedPacket:
        """Decode the next packet.

        Raises:
            EncodingError: if the encoding is not known or the sensor size not possible.
        """
        decoder = self.decoder
        kind = (record.encoding, record.width, record.height)
        changed = decoder is not None and kind != (decoder.encoding, decoder.width, decoder.height)
        if decoder is None or changed or record.seq < self._seq:
            self.restarts += decoder is not None
            self.decoder = decoder = PacketDecoder(*kind)
        elif record.seq > self._seq + 1:
            self.gaps += 1
            self.lost += record.seq - self._seq - 1
            decoder.resynchronise()
        self._seq = record.seq
        return decoder.decode(record.payload, record.time_base_ns, record.is_bigendian)
