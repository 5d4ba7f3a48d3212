"""What a datagram that may not fit on its path does (RFC 1191, RFC 8201, RFC 8899), in Linux's six ways."""

from enum import IntEnum
from typing import Final


class Discovery(IntEnum):
    """The values of IP_MTU_DISCOVER and IPV6_MTU_DISCOVER."""

    DONT = 0
    """Cut what is larger than the path MTU; routers may cut the rest (IPv4: no DF)."""
    WANT = 1
    """Cut what is larger than the path MTU; the rest must not be cut on the way (IPv4: DF). The default."""
    DO = 2
    """Refuse what is larger than the path MTU; always DF."""
    PROBE = 3
    """Refuse what is larger than the device's MTU, whatever is known of the path; always DF. For programs that find
    out the path MTU themselves."""
    INTERFACE = 4
    """Refuse what is larger than the device's MTU, never DF, and believe no ICMP message about it."""
    OMIT = 5
    """As INTERFACE, but cut what is too large instead of refusing it."""


CUTS: Final = frozenset((Discovery.DONT, Discovery.WANT, Discovery.OMIT))
"""Larger datagrams leave as fragments."""

SETS_DF: Final = frozenset((Discovery.WANT, Discovery.DO, Discovery.PROBE))
"""Nobody on the way may cut what fits."""

KNOWS_PATH: Final = frozenset((Discovery.DONT, Discovery.WANT, Discovery.DO))
"""What fits is the path's MTU, not the device's."""

BELIEVES_ICMP: Final = frozenset((Discovery.DONT, Discovery.WANT, Discovery.DO, Discovery.PROBE))
"""A "packet too big" about such a datagram lowers the path MTU."""
