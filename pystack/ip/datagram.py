"""An IP datagram that has arrived whole."""

from pystack.wire.buffers import Buffer


class Datagram:
    """What a transport needs to know of a packet that was for this host.

    - `src`, `dst`: 4 or 16 bytes; `protocol`, `ttl`, `tos` (the whole byte, its low two bits are ECN).
    - `payload`: what `protocol` reads. Valid until `Host.receive` returns, as `packet` is.
    - `packet`: the packet as it came, or the first of its fragments: what an ICMP error about it quotes.
    - `named_at`: the offset in `packet` of the byte that names `protocol`.
    - `to_group`: it was addressed to others too: neither TCP nor ICMP errors may answer.
    """

    __slots__ = ("dst", "named_at", "packet", "payload", "protocol", "src", "to_group", "tos", "ttl")

    def __init__(
        self,
        src: bytes,
        dst: bytes,
        protocol: int,
        ttl: int,
        tos: int,
        payload: Buffer,
        packet: Buffer,
        named_at: int,
        to_group: bool,
    ) -> None:
        self.src = src
        self.dst = dst
        self.protocol = protocol
        self.ttl = ttl
        self.tos = tos
        self.payload = payload
        self.packet = packet
        self.named_at = named_at
        self.to_group = to_group
