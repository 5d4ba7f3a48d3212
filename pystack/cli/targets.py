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


def check_version(host: str, only_version: int | None) -> None:
    """Refuses an address, where the host is one and not a name, of the other IP version than was asked for."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return
    if only_version not in (None, version):
        raise Refusal(
            f"{host} is an IPv{version} address, and -{only_version} asks for IPv{only_version}: "
            f"leave out -{only_version}, or give an IPv{only_version} address or a name"
        )


async def addresses_of(host: str, only_version: int | None = None) -> Sequence[Address]:
    """The addresses of a host given by number or by name, in the order to try them; names are asked of the system.

    Raises OSError where there is none, and `Refusal` for an address of another IP version than `only_version`.
    """
    check_version(host, only_version)
    family = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}[only_version]
    try:
        found = await trio.socket.getaddrinfo(host, None, family=family, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        kind = f"IPv{only_version} " if only_version else ""
        reason = error.strerror if isinstance(error, OSError) else "not a name"
        raise OSError(None, f"{host!r} has no {kind}address ({reason})") from error
    return list(dict.fromkeys(ipaddress.ip_address(address[4][0]) for address in found))
