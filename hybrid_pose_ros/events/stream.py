"""The packets of one camera as they arrive: chooses the decoder, notices what was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybrid_pose_ros.events.decoder import CODECS, PacketDecoder
from hybrid_pose_ros.events.types import DecodedPacket, empty_events

if TYPE_CHECKING:
    from hybrid_pose_ros.data.cdr import PacketRecord

# A packet with a smaller number and an earlier stamp, by up to so much, was overtaken on its way;
# with a later stamp, the driver was started again.
LATE_NS = 1_000_000_000


class PacketStream:
    """Decodes the packets of one camera.

    Attributes:
        decoder: made by the first packet, anew when encoding or sensor size change, or when the
            numbering starts again (the driver was restarted); None before.
        lost: packets that are missing between the first and the last, by their numbers.
        gaps: places where packets are missing.
        restarts: how often the decoder was made anew.
        late: packets that were overtaken by others. Those that stand for themselves are decoded;
            of an encoding whose state has gone on, they are refused.
    """

    def __init__(self) -> None:
        self.decoder: PacketDecoder | None = None
        self.lost = self.gaps = self.restarts = self.late = 0
        self._seq = -1
        self._stamp_ns = 0

    def decode(self, record: PacketRecord) -> DecodedPacket:
        """Decode the next packet.

        Raises:
            EncodingError: if the encoding is not known or the sensor size not possible.
        """
        decoder = self.decoder
        kind = (record.encoding, record.width, record.height)
        changed = decoder is not None and kind != (decoder.encoding, decoder.width, decoder.height)
        if decoder is not None and not changed and self._is_late(record):
            self.late += 1
            if CODECS[record.encoding].carries_state:
                return DecodedPacket(empty_events(), -1)
            return decoder.decode(record.payload, record.time_base_ns, record.is_bigendian)
        if decoder is None or changed or record.seq < self._seq:
            decoder = PacketDecoder(*kind)
            self.restarts += self.decoder is not None
            self.decoder = decoder
        elif record.seq > self._seq + 1:
            self.gaps += 1
            self.lost += record.seq - self._seq - 1
            decoder.resynchronise()
        self._seq, self._stamp_ns = record.seq, record.stamp_ns
        return decoder.decode(record.payload, record.time_base_ns, record.is_bigendian)

    def _is_late(self, record: PacketRecord) -> bool:
        """Whether a packet that was sent after it has come before it, or it comes again."""
        age_ns = self._stamp_ns - record.stamp_ns
        if record.stamp_ns == 0 or record.seq > self._seq:
            return False
        return 0 < age_ns <= LATE_NS or (age_ns == 0 and record.seq == self._seq > 0)
