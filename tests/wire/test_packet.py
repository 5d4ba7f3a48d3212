"""Packets as pieces."""

from pystack.wire.packet import Packet


def test_pieces_are_kept_as_they_are_and_joined_on_demand() -> None:
    text = bytearray(b"text")
    packet = Packet((b"head", memoryview(text)[1:]), "data", gso_size=2)
    assert (len(packet), bytes(packet), packet.reason, packet.gso_size) == (7, b"headext", "data", 2)
    text[1:] = b"EXT"
    assert bytes(packet) == b"headEXT"


def test_a_packet_is_single_and_without_a_reason_unless_told() -> None:
    assert (Packet(()).gso_size, Packet(()).reason, len(Packet(()))) == (0, "", 0)
