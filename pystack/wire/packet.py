"""An IP packet on its way out, as pieces that one gathering write puts on a device."""

from pystack.wire.buffers import Buffer


class Packet:
    """One outbound IP packet (or super-segment).

    `pieces` are the buffers in order: the IP and transport headers first, then views of whatever carries
    the payload; nothing is joined before a device needs it. `gso_size` is the payload bytes of each wire
    segment when this is a super-segment (0: it is a single packet). `reason` says why the packet was sent,
    for captures and traces (for example `"data"`, `"ack"`, `"retransmit"`, `"echo-reply"`).
    """

    __slots__ = ("gso_size", "pieces", "reason")

    def __init__(self, pieces: tuple[Buffer, ...], reason: str = "", gso_size: int = 0) -> None:
        self.pieces = pieces
        self.reason = reason
        self.gso_size = gso_size

    def __bytes__(self) -> bytes:
        return b"".join(self.pieces)

    def __len__(self) -> int:
        return sum(map(len, self.pieces))
