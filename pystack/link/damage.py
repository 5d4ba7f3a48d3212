"""Packets that are not what they were: one flipped bit, or a run of bytes that is overwritten."""

from pystack.link.counts import Counts
from pystack.link.intact import is_intact
from pystack.link.passage import Copy


def damaged(packet: bytes, copy: Copy, counts: Counts) -> bytes:
    """What arrives of a packet when `copy` is its fate. Counted where that is something else."""
    if copy.bit is not None:
        packet = _corrupted(packet, copy.bit)
        counts.corrupted += 1
    if copy.run is not None:
        at, data = copy.run
        garbled = packet[:at] + data + packet[at + len(data) :]
        if garbled != packet:
            packet = garbled
            counts.garbled += 1
            counts.undetected += is_intact(packet)
    return packet


def _corrupted(packet: bytes, bit: int) -> bytes:
    """The packet with this bit flipped, counted from the highest of the first byte. Where no checksum would notice that
    (IPv6's hop limit, for one) it is the very first instead: there is no IP of version 12 or 14.
    """
    changed = _flipped(packet, bit)
    return _flipped(packet, 0) if is_intact(changed) else changed


def _flipped(packet: bytes, bit: int) -> bytes:
    changed = bytearray(packet)
    changed[bit >> 3] ^= 0x80 >> (bit & 7)
    return bytes(changed)
