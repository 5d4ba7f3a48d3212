"""Hosts and ports as people give them."""

import ipaddress
import socket
from collections.abc import Sequence

import trio

from pystack.cli.exits import Refusal

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def port_number(text: str, name: str = "PORT") -> int:
    """A port from 1 to 65535, or the name of a service. Raises `Refusal`."""
    try:
        port = int(text) if text.isascii() and text.isdigit() else socket.getservbyname(text)
    except OSError:
        port = 0
    if not 1 <= port <= 65535:
        raise Refusal(f"{text!r} is no port: give {name} as a number from 1 to 65535, or a service's name")
    return port


async def addresses_of(host: str, only_version: int | None = None) -> Sequence[Address]:
    """The addresses of a host given by number or by name, in the order to try them; names are asked of the system.

    Raises OSError where there is none.
    """
    family = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}[only_version]
    try:
        found = await trio.socket.getaddrinfo(host, None, family=family, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        kind = f"IPv{only_version} " if only_version else ""
        reason = error.strerror if isinstance(error, OSError) else "not a name"
        raise OSError(None, f"{host!r} has no {kind}address ({reason})") from error
    return list(dict.fromkeys(ipaddress.ip_address(address[4][0]) for address in found))
