"""Does a plan take something away from the host? Pure: the host's state comes in as a value.

What counts as held: every address on another interface, and every specific route that leads elsewhere or is
there to lead nowhere (blackhole, unreachable, prohibit), in any routing table: VPNs keep theirs outside the main
one, and the `local` one may hold whole networks.

What does not: default routes, also in the halves in which VPNs write them; `throw` routes, which only say "look
further"; IPv6 link-local networks, which every interface has for itself; and all that is on the device itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network

from pystack.link.addresses import Interface, Network, Plan, overlap
from pystack.link.device import LinkError

_CHANGE = "choose another network with --address (and --host-address)"

_DEFAULT_PREFIX = {4: 1, 6: 3}
"""Up to this length a route is a default in disguise: 0.0.0.0/1 and 128.0.0.0/1, ::/3 or 2000::/3."""

_LINK_LOCAL = IPv6Network("fe80::/10")


@dataclass(frozen=True, slots=True)
class HostAddress:
    """An address of the host. `network` is where it leads, not always its own: a point-to-point link names its peer."""

    interface: str
    address: Interface
    network: Network


@dataclass(frozen=True, slots=True)
class HostRoute:
    """A route of the host; broadcast, anycast and multicast routes are left out, they only accompany addresses.

    `interface` is empty for a route that leads nowhere; `kind` is iproute2's word (`unicast`, `blackhole`, …);
    `table` is its number, 254 for `main`.
    """

    network: Network
    interface: str
    kind: str = "unicast"
    table: int = 254


@dataclass(frozen=True, slots=True)
class HostState:
    """What the host holds: all its addresses and routes."""

    addresses: Sequence[HostAddress]
    routes: Sequence[HostRoute]


def check_conflicts(plan: Plan, own_device: str, host: HostState) -> None:
    """Refuse with LinkError a plan whose networks the host uses, naming the holder and the options to change."""
    for network in plan.networks:
        if network.version == 6 and overlap(network, _LINK_LOCAL):
            continue
        for address in host.addresses:
            if address.interface != own_device and _holds(address, network):
                raise LinkError(f"{network} is taken: {address.interface} has the address {address.address}; {_CHANGE}")
        for route in host.routes:
            if route.interface != own_device and _claims(route, network):
                raise LinkError(f"{network} is taken: the host has {_describe(route)}; {_CHANGE}")


def check_addresses_free(plan: Plan, host: HostState) -> None:
    """Refuse with LinkError a stack address that is the kernel's own: it would answer, and we would never hear."""
    ours = {address.ip for address in plan.addresses}
    for address in host.addresses:
        if address.address.ip in ours:
            raise LinkError(
                f"{address.address.ip} is the kernel's own address on {address.interface}: change --address"
            )


def _holds(address: HostAddress, network: Network) -> bool:
    return address.address.ip in network or overlap(address.network, network)


def _claims(route: HostRoute, network: Network) -> bool:
    if route.kind == "throw" or route.network.prefixlen <= _DEFAULT_PREFIX[route.network.version]:
        return False
    return overlap(route.network, network)


def _describe(route: HostRoute) -> str:
    kind = "a route" if route.kind == "unicast" else f"the {route.kind} route"
    way = f" through {route.interface}" if route.interface else ""
    table = "" if route.table == 254 else f" (table {route.table})"
    return f"{kind} {'to ' if route.kind == 'unicast' else ''}{route.network}{way}{table}"
