"""The options of UDP and ICMP echo sockets."""

import errno
from typing import TYPE_CHECKING, Final

from pystack.sock import constants as c
from pystack.sock import ipfields
from pystack.sock.errors import os_error
from pystack.sock.optiontable import OptionTable, for_family, only
from pystack.udp.discovery import Discovery

if TYPE_CHECKING:
    from pystack.sock import datagram

_MIN_SNDBUF: Final = 4608
_MIN_RCVBUF: Final = 2304
_MAX_BUF: Final = 1 << 30
"""The bounds of Linux (SOCK_MIN_SNDBUF, SOCK_MIN_RCVBUF); it doubles what is asked for, we do not."""


def _set_reuse_address(sock: "datagram.DatagramSock", value: int) -> None:
    sock.reuse_address = sock.endpoint.reuse = bool(value)


def _set_sndbuf(sock: "datagram.DatagramSock", value: int) -> None:
    sock.sndbuf = min(max(value, _MIN_SNDBUF), _MAX_BUF)


def _set_rcvbuf(sock: "datagram.DatagramSock", value: int) -> None:
    sock.endpoint.rcvbuf = min(max(value, _MIN_RCVBUF), _MAX_BUF)


def _set_tos(sock: "datagram.DatagramSock", value: int) -> None:
    sock.endpoint.tos = ipfields.type_of_service(value)


def _set_traffic_class(sock: "datagram.DatagramSock", value: int) -> None:
    sock.endpoint.tos = ipfields.traffic_class(value)


def _set_ttl(sock: "datagram.DatagramSock", value: int) -> None:
    sock.endpoint.ttl = ipfields.time_to_live(value, sock.host.config.ttl)


def _set_hops(sock: "datagram.DatagramSock", value: int) -> None:
    sock.endpoint.ttl = ipfields.hop_limit(value, sock.host.config.ttl)


def _set_discovery(sock: "datagram.DatagramSock", value: int) -> None:
    try:
        sock.endpoint.discovery = Discovery(value)
    except ValueError:
        raise os_error(errno.EINVAL) from None


_SOL, _V4, _V6 = c.SOL_SOCKET, c.IPPROTO_IP, c.IPPROTO_IPV6

OPTIONS: Final = OptionTable(
    {
        (_SOL, c.SO_REUSEADDR): (lambda s: int(s.reuse_address), _set_reuse_address),
        (_SOL, c.SO_TYPE): (lambda s: s.type, None),
        (_SOL, c.SO_ERROR): (lambda s: s.take_error(), None),
        (_SOL, c.SO_BROADCAST): (lambda s: 0, only(0, "sending to broadcast addresses")),
        (_SOL, c.SO_SNDBUF): (lambda s: s.sndbuf, _set_sndbuf),
        (_SOL, c.SO_RCVBUF): (lambda s: s.endpoint.rcvbuf, _set_rcvbuf),
        (_SOL, c.SO_ACCEPTCONN): (lambda s: 0, None),
        (_SOL, c.SO_PROTOCOL): (lambda s: s.proto, None),
        (_SOL, c.SO_DOMAIN): (lambda s: s.family, None),
        (_V4, c.IP_TOS): for_family(c.AF_INET, lambda s: s.endpoint.tos, _set_tos),
        (_V4, c.IP_TTL): for_family(c.AF_INET, lambda s: s.endpoint.ttl, _set_ttl),
        (_V4, c.IP_MTU_DISCOVER): for_family(c.AF_INET, lambda s: int(s.endpoint.discovery), _set_discovery),
        (_V6, c.IPV6_TCLASS): for_family(c.AF_INET6, lambda s: s.endpoint.tos, _set_traffic_class),
        (_V6, c.IPV6_UNICAST_HOPS): for_family(c.AF_INET6, lambda s: s.endpoint.ttl, _set_hops),
        (_V6, c.IPV6_MTU_DISCOVER): for_family(c.AF_INET6, lambda s: int(s.endpoint.discovery), _set_discovery),
        (_V6, c.IPV6_V6ONLY): for_family(c.AF_INET6, lambda s: 1, only(1, "a socket for both IPv6 and IPv4")),
    },
    {},
)
