"""The host's network configuration, read and changed over rtnetlink. The one module that knows pyroute2."""

import contextlib
import errno
import ipaddress
import os
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pystack.link.addresses import Interface, Network
from pystack.link.conflicts import HostAddress, HostRoute, HostState
from pystack.link.device import LinkError

_CLONED = 0x200  # RTM_F_CLONED: a cached exception (a path MTU, a redirect), not a route that someone set
_UP = 0x01  # IFF_UP
_NODAD = 0x02  # IFA_F_NODAD
_LOCAL_TABLE = 255
_PATIENCE_MS = 1000
_FAMILIES = {socket.AF_INET: 4, socket.AF_INET6: 6}
_KINDS = {1: "unicast", 2: "local", 3: "broadcast", 4: "anycast", 5: "multicast"} | {
    6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw", 10: "nat"
}  # fmt: skip
_NOWHERE = ("blackhole", "unreachable", "prohibit", "throw")
_MIRRORED = ("broadcast", "anycast", "multicast")  # the kernel's own companions of each address


@dataclass(frozen=True, slots=True)
class Link:
    """An interface that exists: `kind` is iproute2's word (`tun`, `veth`, … or empty for hardware).

    `up`: it is set up. `is_tun` tells TUN from TAP, which have one kind; `persistent` and `owner` (a user id) are a TUN
    device's.
    """

    name: str
    kind: str
    up: bool
    is_tun: bool
    persistent: bool
    owner: int | None


def read_link(name: str) -> Link | None:
    """Look an interface up; None if there is none of that name."""
    with _rtnetlink() as rtnl:
        found = rtnl.link_lookup(ifname=name)
        if not found:
            return None
        link = rtnl.get_links(index=found[0])[0]
    info, up = link.get_attr("IFLA_LINKINFO"), bool(link["flags"] & _UP)
    kind = info.get_attr("IFLA_INFO_KIND") if info else None
    data = info.get_attr("IFLA_INFO_DATA") if kind == "tun" else None
    if data is None:
        return Link(name, kind or "", up, is_tun=False, persistent=False, owner=None)
    return Link(
        name,
        kind or "",
        up,
        is_tun=data.get_attr("IFLA_TUN_TYPE") == 1,
        persistent=bool(data.get_attr("IFLA_TUN_PERSIST")),
        owner=data.get_attr("IFLA_TUN_OWNER"),
    )


def read_host() -> HostState:
    """Read the addresses of our network namespace and the routes of all its tables."""
    with _rtnetlink() as rtnl:
        names = {link["index"]: link.get_attr("IFLA_IFNAME") for link in rtnl.get_links()}
        addresses = [_address(message, names) for message in rtnl.get_addr() if message["family"] in _FAMILIES]
        routes = [
            route
            for message in rtnl.get_routes()
            if message["family"] in _FAMILIES
            for route in _routes(message, names)
        ]
    return HostState(addresses, routes)


def configure(
    name: str,
    *,
    addresses: Sequence[Interface] = (),
    mtu: int | None = None,
    queue_length: int | None = None,
    up: bool = False,
) -> None:
    """Set what is given on the interface `name` and leave the rest alone; `queue_length` is in packets.

    Raises LinkError, after which some of it may be set.
    """
    with _rtnetlink() as rtnl:
        found = rtnl.link_lookup(ifname=name)
        if not found:
            raise LinkError(f"the interface {name} is gone: someone deleted it while it was being set up")
        index = found[0]
        wanted = {"mtu": mtu, "txqlen": queue_length, "state": "up" if up else None}
        settings = {key: value for key, value in wanted.items() if value is not None}
        if settings:
            with _explained(f"set {', '.join(settings)} on {name}", name):
                rtnl.link("set", index=index, **settings)
        for address in addresses:
            with _explained(f"put {address} on {name}", name, address):
                # Duplicate address detection has nobody to ask on a point-to-point link, and would
                # keep an IPv6 address unusable for a second.
                flags = {"flags": _NODAD} if address.version == 6 else {}
                rtnl.addr("add", index=index, address=str(address.ip), prefixlen=address.network.prefixlen, **flags)
        if up:
            _wait_until_local(rtnl, {address for address in addresses if address.version == 6})


def _wait_until_local(rtnl: Any, addresses: set[Interface]) -> None:
    """Waits, a moment, until the kernel takes packets to these addresses of an interface that is up: it adds the route
    that makes an IPv6 address local later, in a work queue, and until then drops what comes first.
    """
    for _ in range(_PATIENCE_MS):
        routes = rtnl.get_routes(family=socket.AF_INET6, table=_LOCAL_TABLE)
        local = {_destination(route).network_address for route in routes if _KINDS.get(route["type"]) == "local"}
        if all(address.ip in local for address in addresses):
            return
        time.sleep(0.001)


def keep_addresses_when_down(name: str) -> None:
    """Have the kernel keep the IPv6 addresses of an interface of ours while it is down, as it does with IPv4's."""
    with contextlib.suppress(OSError):  # no IPv6 on this host, or no right to set it: then it does as it always does
        Path(f"/proc/sys/net/ipv6/conf/{name}/keep_addr_on_down").write_text("1")


@contextlib.contextmanager
def _rtnetlink() -> Iterator[Any]:
    try:
        from pyroute2.iproute.linux import IPRoute  # noqa: PLC0415 (Linux only, and a tenth of a second)
    except ImportError as error:
        raise LinkError("setting up a TUN device needs Linux and the package pyroute2: install it with pip") from error
    connect: Any = IPRoute  # it has no type annotations
    with connect() as rtnl:
        yield rtnl


@contextlib.contextmanager
def _explained(step: str, name: str, address: Interface | None = None) -> Iterator[None]:
    from pyroute2.netlink.exceptions import NetlinkError  # noqa: PLC0415

    try:
        yield
    except NetlinkError as error:
        raise LinkError(explain_refusal(step, name, error.code, address)) from error


def explain_refusal(step: str, name: str, code: int, address: Interface | None = None) -> str:
    """Say in one sentence why the kernel refused a step of the set-up; `code` is the errno."""
    if code == errno.EPERM:
        return (
            f"to {step} needs root or CAP_NET_ADMIN: run as root, or have root set the device up and attach "
            f"to it with --host-address none"
        )
    if address is not None and address.version == 6 and code in (errno.EACCES, errno.EOPNOTSUPP):
        return (
            f"IPv6 is off on this host, so {address} cannot be put on {name}: give only IPv4 with --address, "
            f"or switch it on with `sysctl net.ipv6.conf.default.disable_ipv6=0`"
        )
    return f"the kernel refuses to {step} ({os.strerror(code)}): change --address, --host-address or --mtu"


def _address(message: Any, names: dict[int, str]) -> HostAddress:
    # On a point-to-point link IFA_ADDRESS is the peer's; IFA_LOCAL is always ours where it is there.
    peer = message.get_attr("IFA_ADDRESS") or message.get_attr("IFA_LOCAL")
    local = message.get_attr("IFA_LOCAL") or peer
    length = message["prefixlen"]
    return HostAddress(
        names.get(message["index"], "an interface"),
        ipaddress.ip_interface(f"{local}/{length}"),
        ipaddress.ip_network(f"{peer}/{length}", strict=False),
    )


def _routes(message: Any, names: dict[int, str]) -> Iterator[HostRoute]:
    kind = _KINDS.get(message["type"], "unknown")
    table = message.get_attr("RTA_TABLE") or message["table"]
    if kind in _MIRRORED or message["flags"] & _CLONED:
        return
    network = _destination(message)
    if kind in _NOWHERE:
        yield HostRoute(network, "", kind, table)
        return
    hops = [hop["oif"] for hop in message.get_attr("RTA_MULTIPATH") or ()] or [message.get_attr("RTA_OIF")]
    for index in hops:
        yield HostRoute(network, names.get(index, ""), kind, table)


def _destination(message: Any) -> Network:
    unspecified = "0.0.0.0" if message["family"] == socket.AF_INET else "::"
    return ipaddress.ip_network(f"{message.get_attr('RTA_DST') or unspecified}/{message['dst_len']}", strict=False)
