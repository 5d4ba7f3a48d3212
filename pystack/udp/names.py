"""The names of UDP's counters, which each family has of its own, as Linux prints them (RFC 4113)."""

from typing import Final, NamedTuple


class Names(NamedTuple):
    """One family's."""

    in_datagrams: str
    no_ports: str
    in_errors: str
    in_csum_errors: str
    rcvbuf_errors: str
    mem_errors: str
    ignored_multi: str
    out_datagrams: str


V4: Final = Names(
    in_datagrams="UdpInDatagrams",
    no_ports="UdpNoPorts",
    in_errors="UdpInErrors",
    in_csum_errors="UdpInCsumErrors",
    rcvbuf_errors="UdpRcvbufErrors",
    mem_errors="UdpMemErrors",
    ignored_multi="UdpIgnoredMulti",
    out_datagrams="UdpOutDatagrams",
)

V6: Final = Names(
    in_datagrams="Udp6InDatagrams",
    no_ports="Udp6NoPorts",
    in_errors="Udp6InErrors",
    in_csum_errors="Udp6InCsumErrors",
    rcvbuf_errors="Udp6RcvbufErrors",
    mem_errors="Udp6MemErrors",
    ignored_multi="Udp6IgnoredMulti",
    out_datagrams="Udp6OutDatagrams",
)


def names_of(address: bytes) -> Names:
    """The names of an address's family."""
    return V4 if len(address) == 4 else V6
