"""Whether the kernel passes on what a stack of its own sends to somebody beyond: another stack, or the Internet."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pystack.cli.targets import Address
from pystack.link.conflicts import HostRoute
from pystack.link.netlink import read_host

_SETTINGS: Final = {4: "/proc/sys/net/ipv4/conf/{device}/forwarding", 6: "/proc/sys/net/ipv6/conf/all/forwarding"}
"""What the kernel looks at: for IPv4 the device that a packet came from, for IPv6 the whole network namespace."""

_SWITCHES: Final = {4: "net.ipv4.ip_forward=1", 6: "net.ipv6.conf.all.forwarding=1"}


def advise_forwarding(device: str, addresses: Sequence[Address]) -> None:
    """Says on standard error, before a long silence does, that the kernel does not forward what `device` sends to
    `addresses`: it drops that without a word. Says nothing where one of them may be reached.
    """
    if any(_forwards(device, address) for address in addresses):
        return
    routes = read_host().routes
    if not all(is_beyond(address, device, routes) for address in addresses):
        return
    versions = sorted({address.version for address in addresses})
    off = " and ".join(f"IPv{version}" for version in versions)
    on = " ".join(_SWITCHES[version] for version in versions)
    print(
        f"pystack: {addresses[0]} lies beyond the kernel, whose {off} forwarding is off: "
        f"switch it on with `sudo sysctl {on}`",
        file=sys.stderr,
        flush=True,
    )


def is_beyond(address: Address, device: str, routes: Sequence[HostRoute]) -> bool:
    """Whether packets from `device` for `address` are to leave the kernel elsewhere: it is no address of the kernel's
    or the stack's, and not of the device's network.
    """
    if address.is_loopback or address.is_multicast or address.is_unspecified:
        return False
    return not any(
        route.network.version == address.version
        and address in route.network
        and (route.kind == "local" or (route.interface == device and route.network.prefixlen > 0))
        for route in routes
    )


def _forwards(device: str, address: Address) -> bool:
    """Also where that cannot be found out: then there is nothing to advise."""
    try:
        return Path(_SETTINGS[address.version].format(device=device)).read_text().strip() != "0"
    except OSError:
        return True
