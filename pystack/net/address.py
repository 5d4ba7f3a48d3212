"""Addresses as Python programs write them, and as the stack keeps them (packed bytes)."""

import ipaddress
import socket
from typing import Any

SocketAddress = tuple[str, int] | tuple[str, int, int, int]
"""What the standard library has for AF_INET and AF_INET6."""


def pack(family: int, address: Any) -> tuple[bytes, int]:
    """A (host, port) tuple of AF_INET, or (host, port[, flow info[, scope id]]) of AF_INET6, as packed address and
    port. The empty host is the wildcard.

    Raises `ValueError` for another shape, `OverflowError` for a port out of range, and `socket.gaierror`, an OSError,
    for a host that is no numeric address of the family.
    """
    most = 4 if family == socket.AF_INET6 else 2
    if not isinstance(address, tuple) or not 2 <= len(address) <= most:
        shape = "(host, port)" if most == 2 else "(host, port, [flowinfo, [scopeid]])"
        raise ValueError(f"address should be a {shape} tuple, not {address!r}")
    host, port = address[0], address[1]
    if not isinstance(port, int):
        raise TypeError(f"the port should be an integer, not {port!r}")
    if not 0 <= port <= 65535:
        raise OverflowError("port must be 0-65535")
    return pack_host(family, host), port


def pack_host(family: int, host: str | None) -> bytes:
    """A numeric host; None and the empty string are the wildcard. Raises `socket.gaierror`."""
    if not host:
        return bytes(16 if family == socket.AF_INET6 else 4)
    try:
        return socket.inet_pton(family, host)
    except (OSError, ValueError) as error:
        kind = "IPv6" if family == socket.AF_INET6 else "IPv4"
        raise socket.gaierror(
            socket.EAI_NONAME, f"{host!r} is no numeric {kind} address, and the stack resolves no names yet"
        ) from error


def family_of(host: str) -> socket.AddressFamily:
    """The family of a numeric host. Raises `socket.gaierror`."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError as error:
        raise socket.gaierror(
            socket.EAI_NONAME, f"{host!r} is no numeric IP address, and the stack resolves no names yet"
        ) from error
    return socket.AF_INET if version == 4 else socket.AF_INET6


def unpack(address: bytes, port: int) -> SocketAddress:
    """The tuple that the standard library would give."""
    if len(address) == 4:
        return socket.inet_ntop(socket.AF_INET, address), port
    return socket.inet_ntop(socket.AF_INET6, address), port, 0, 0
