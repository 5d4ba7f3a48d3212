"""What an address says by itself. Addresses are packed: 4 or 16 bytes."""

from types import ModuleType
from typing import Final

from pystack.wire import ipv4, ipv6

ANY4: Final = bytes(4)
ANY6: Final = bytes(16)
LOOPBACK4: Final = b"\x7f\x00\x00\x01"
LOOPBACK6: Final = bytes(15) + b"\x01"
MAPPED_PREFIX: Final = bytes(10) + b"\xff\xff"
"""What an IPv4 address has before it as an IPv6 one (RFC 4291 section 2.5.5.2)."""
_SCOPE_LINK = 0x2
_SCOPE_SITE = 0x5
_SCOPE_GLOBAL = 0xE


def family_of(address: bytes) -> ModuleType:
    """The codec module for an address."""
    return ipv4 if len(address) == 4 else ipv6


def wildcard_of(address: bytes) -> bytes:
    """The unspecified address of the same family."""
    return ANY4 if len(address) == 4 else ANY6


def default_mss(address: bytes) -> int:
    """What a peer that announces no MSS takes (RFC 9293 section 3.7.1, MUST-15)."""
    return 536 if len(address) == 4 else 1220


def is_multicast(address: bytes) -> bool:
    """224.0.0.0/4 and ff00::/8."""
    return address[0] >> 4 == 14 if len(address) == 4 else address[0] == 0xFF


def is_loopback(address: bytes) -> bool:
    """127.0.0.0/8 and ::1, which must not be seen outside of a host (RFC 1122 section 3.2.1.3 (g); RFC 4291)."""
    return address[0] == 127 if len(address) == 4 else address == LOOPBACK6


def scope_of(address: bytes) -> int:
    """How far an address reaches, as the number that multicast scopes have (RFC 6724 sections 3.1 and 3.2)."""
    if len(address) == 4:
        return _SCOPE_LINK if address[:2] == b"\xa9\xfe" or address[0] == 127 else _SCOPE_GLOBAL
    if address[0] == 0xFF:
        return address[1] & 15
    if address[0] == 0xFE:
        return {0x80: _SCOPE_LINK, 0xC0: _SCOPE_SITE}.get(address[1] & 0xC0, _SCOPE_GLOBAL)
    return _SCOPE_LINK if address == LOOPBACK6 else _SCOPE_GLOBAL


def common_prefix(a: bytes, b: bytes) -> int:
    """How many leading bits two addresses of a family have in common."""
    differing = int.from_bytes(a, "big") ^ int.from_bytes(b, "big")
    return 8 * len(a) - differing.bit_length()
