"""One decoder for all encodings of event packets: bytes in, events out."""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.errors import EncodingError
from hybrid_pose_ros.events.codecs import dvs, evt2, evt3, libcaer, libcaer_cmp, mono, trigger
from hybrid_pose_ros.events.codecs.stream import RESET_NS, UNKNOWN, StreamCodec
from hybrid_pose_ros.events.types import DecodedPacket, empty_events

CODECS: dict[str, type[StreamCodec]] = {
    "evt3": evt3.Codec,
    "libcaer": libcaer.Codec,
    "libcaer_cmp": libcaer_cmp.Codec,
    "mono": mono.Codec,
    "trigger": trigger.Codec,
    "evt2": evt2.Codec,
    "dvs": dvs.Codec,
    "dvs_ros1": dvs.Ros1Codec,
}
MAX_TIME_NS = 1 << 62  # the year 2116
MAX_SIZE = 32767  # what the widest coordinate field of the encodings can hold


class PacketDecoder:
    """Decoder of the event stream of one camera.

    It keeps the stream's state (time, current row ...) between packets. Construction compiles or
    loads the machine code, so that the first packet is as fast as the others.
    """

    def __init__(self, encoding: str, width: int, height: int) -> None:
        """Prepare for `encoding` on a sensor of `width` x `height` pixels.

        Raises:
            EncodingError: if the encoding is not known or the sensor size is not possible.
        """
        if encoding not in CODECS:
            raise EncodingError(
                f"event encoding '{encoding}' is not known; set the camera driver to one of "
                + ", ".join(CODECS)
            )
        if not (0 < width <= MAX_SIZE and 0 < height <= MAX_SIZE):
            raise EncodingError(
                f"sensor size {width} x {height} is not possible (1 to {MAX_SIZE} pixels); check "
                "width and height in the event packets"
            )
        self.encoding, self.width, self.height = encoding, width, height
        codec = CODECS[encoding]
        codec(width, height).decode(_words(np.zeros(8, np.uint8), codec.word, swap=False), 0)
        self._codec = codec(width, height)
        self._end_ns = UNKNOWN

    def decode(
        self,
        payload: bytes | memoryview | np.ndarray,
        time_base_ns: int,
        is_bigendian: bool = False,
    ) -> DecodedPacket:
        """Decode the next packet of the stream.

        Args:
            payload: the bytes of the message field `events`.
            time_base_ns: the message field `time_base`.
            is_bigendian: the message field of this name.

        Returns:
            The events, all inside of the sensor, in non-decreasing time (unless the fault
            "time_reset" tells that the sensor's clock was restarted). The packets of encodings
            with a time base stand for themselves: one that starts before the end of the last one
            has the fault "time_backwards" or "time_reset", and keeps its times.
        """
        codec = self._codec
        if not codec.has_time_base:
            time_base_ns = 0  # undefined in the message
        elif not 0 <= time_base_ns < MAX_TIME_NS:
            return DecodedPacket(empty_events(), self._end_ns, 0, {"time_base": 1})
        octets = np.frombuffer(payload, np.uint8)
        words = _words(octets, codec.word, is_bigendian and codec.has_byte_order)
        packet = codec.decode(words, time_base_ns)
        if len(octets) % codec.word.itemsize:
            packet.faults["length"] = 1
        return self._continue(packet)

    def _continue(self, packet: DecodedPacket) -> DecodedPacket:
        """Compare the packet with the one before."""
        if packet.t_end_ns == UNKNOWN:  # nothing in it
            return DecodedPacket(packet.events, self._end_ns, packet.triggers, packet.faults)
        start_ns = int(packet.events["t"][0]) if len(packet.events) else packet.t_end_ns
        if start_ns < self._end_ns:
            kind = "time_backwards" if self._end_ns - start_ns <= RESET_NS else "time_reset"
            packet.faults[kind] = packet.faults.get(kind, 0) + 1
        self._end_ns = packet.t_end_ns
        return packet

    @property
    def wrap_ns(self) -> int:
        """After so long the packets' times start again; 0 if never."""
        return self._codec.wrap_ns

    @property
    def trigger_edges(self) -> np.ndarray:
        """External triggers of the last packet, (n, 3) int64: t in ns, id, edge (1 = rising)."""
        return self._codec.trigger_edges

    def resynchronise(self) -> None:
        """Call after lost packets: events wait for the next full address; time goes on."""
        self._codec.resynchronise()


def _words(octets: np.ndarray, word: np.dtype, swap: bool) -> np.ndarray:
    """Whole words of the payload: read-only and aligned, for which the kernels are compiled."""
    words = octets[: len(octets) // word.itemsize * word.itemsize].view(word)
    if swap:
        words = words.byteswap()
    elif not words.flags.aligned:
        words = words.copy()
    words.flags.writeable = False
    return words
