"""What an ICMP error means to a transport, in words that are the same for IPv4 and IPv6 (RFC 9293 section 3.9.2.2)."""

from enum import Enum


class IcmpKind(Enum):
    """Why the network, or the other host, could not take a packet of ours."""

    UNREACHABLE_NET = "network unreachable"
    UNREACHABLE_HOST = "host unreachable"
    UNREACHABLE_PROTOCOL = "protocol unreachable"
    UNREACHABLE_PORT = "port unreachable"
    FRAGMENTATION_NEEDED = "packet too big"
    SOURCE_ROUTE_FAILED = "source route failed"
    ADMIN_PROHIBITED = "administratively prohibited"
    TIME_EXCEEDED = "time exceeded"
    PARAMETER_PROBLEM = "parameter problem"
    SOURCE_QUENCH = "source quench"
    """Obsolete: to be ignored (RFC 6633; RFC 9293 MUST-55)."""


class IcmpError:
    """An ICMP error about a packet of a connection.

    - `kind`; `code`: the code of the ICMP or ICMPv6 message, for those who tell apart what a kind sums up.
    - `mtu`: for `FRAGMENTATION_NEEDED` the largest packet that fits, in bytes with the IP header; 0 where the router
      did not say.
    - `seq`: the sequence number in the quoted TCP header, as on the wire; None where the quote is too short. It is
      what tells a real error from a forged one (RFC 5927 section 4.1): the caller has checked addresses and ports only.
    """

    __slots__ = ("code", "kind", "mtu", "seq")

    def __init__(self, kind: IcmpKind, *, code: int = 0, mtu: int = 0, seq: int | None = None) -> None:
        self.kind = kind
        self.code = code
        self.mtu = mtu
        self.seq = seq

    def __repr__(self) -> str:
        return f"IcmpError({self.kind.name}, code={self.code}, mtu={self.mtu}, seq={self.seq})"
