"""Which addresses the stack has, and which the kernel gets at its end: decided before anything is touched."""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Literal, TypeAlias

from pystack.link.device import LinkError

Address: TypeAlias = IPv4Address | IPv6Address
Interface: TypeAlias = IPv4Interface | IPv6Interface
Network: TypeAlias = IPv4Network | IPv6Network
HostAddresses: TypeAlias = Sequence[Interface] | Literal["none"] | None
"""The kernel's addresses as asked for: these, none at all, or (None) the first free one of each network."""

MIN_MTU = 576
"""Every IPv4 host takes a datagram of this size (RFC 1122, section 3.3.2)."""
MIN_IPV6_MTU = 1280
"""The least MTU that IPv6 runs over (RFC 8200, section 5); Linux drops a device's IPv6 addresses below it."""
MAX_MTU = 65535
"""The largest that a TUN device has, and the largest IPv4 packet."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The addresses of the two ends of a device.

    `host_addresses` are the kernel's; empty when the kernel's side is to be left as it is (`none`).
    """

    addresses: tuple[Interface, ...]
    host_addresses: tuple[Interface, ...]

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks that the device connects, each once, in the order given."""
        return tuple(dict.fromkeys(address.network for address in self.addresses))


def parse_interface(text: str) -> Interface:
    """Read an address with its prefix length, such as 10.0.0.2/24. Raises LinkError."""
    if "%" in text:
        raise LinkError(f"{text!r} has a zone, which an address of the stack cannot have: leave it out")
    try:
        return ipaddress.ip_interface(text)
    except ValueError as error:
        raise LinkError(f"{text!r} is no IP address with a prefix length such as 10.0.0.2/24") from error


def plan_addresses(addresses: Sequence[Interface], host_addresses: HostAddresses = None) -> Plan:
    """Check the stack's addresses and settle the kernel's.

    Each network gets the kernel-side addresses given for it (one without a prefix length takes the network's),
    else its first usable address that is not the stack's. Raises LinkError.
    """
    if not addresses:
        raise LinkError("the stack has no address: give at least one with --address")
    _check_stack_addresses(addresses)
    if host_addresses == "none":
        return Plan(tuple(addresses), ())
    _check_networks(addresses)
    taken = {address.ip for address in addresses}
    networks = dict.fromkeys(address.network for address in addresses)
    given = [_fit(address, networks) for address in host_addresses or ()]
    for address in given:
        if address.ip in taken:
            raise LinkError(f"{address.ip} is given twice: each --address and --host-address needs its own")
        taken.add(address.ip)
    return Plan(
        tuple(addresses),
        tuple(end for network in networks for end in _host_ends(network, given, taken)),
    )


def check_mtu(mtu: int | None, plan: Plan) -> None:
    """Refuse with LinkError an MTU in bytes that a TUN device, IPv4 or the plan's IPv6 cannot live with."""
    if mtu is None:
        return
    if not MIN_MTU <= mtu <= MAX_MTU:
        raise LinkError(f"an MTU of {mtu} bytes is out of range: give --mtu {MIN_MTU} to {MAX_MTU}")
    if mtu < MIN_IPV6_MTU and any(address.version == 6 for address in plan.addresses):
        raise LinkError(
            f"IPv6 needs an MTU of at least {MIN_IPV6_MTU} bytes, not {mtu}: "
            f"raise --mtu, or give only IPv4 with --address"
        )


def _check_stack_addresses(addresses: Sequence[Interface]) -> None:
    seen: set[Address] = set()
    for address in addresses:
        _check_unicast(address, "--address")
        if address.ip in seen:
            raise LinkError(f"{address.ip} is given twice: each --address needs its own")
        seen.add(address.ip)


def _check_networks(addresses: Sequence[Interface]) -> None:
    networks = list(dict.fromkeys(address.network for address in addresses))
    for index, network in enumerate(networks):
        if network.prefixlen == network.max_prefixlen:
            raise LinkError(
                f"{network} has no room for the kernel's end of the device: give --address a prefix length "
                f"(such as {network.network_address}/{24 if network.version == 4 else 64}), or --host-address none"
            )
        for other in networks[:index]:
            if overlap(network, other):
                raise LinkError(f"{other} and {network} overlap: give the --address options one size of network")


def _check_unicast(address: Interface, option: str) -> None:
    ip, network = address.ip, address.network
    if ip.is_multicast or ip.is_unspecified or ip.is_loopback or ip == IPv4Address("255.255.255.255"):
        raise LinkError(f"{ip} cannot be the address of one end of a link: change {option}")
    if network.prefixlen >= network.max_prefixlen - 1:
        return  # both addresses of a /31 or /127 are hosts' (RFC 3021, RFC 6164)
    if ip == network.network_address:
        raise LinkError(f"{address} is the network's own address, not a host's: change {option}")
    if ip.version == 4 and ip == network.broadcast_address:
        raise LinkError(f"{address} is the network's broadcast address, not a host's: change {option}")


def _fit(address: Interface, networks: dict[Network, None]) -> Interface:
    network = next((network for network in networks if address.ip in network), None)
    if network is None:
        raise LinkError(f"the host address {address} is in no network of the stack: change --host-address or --address")
    if address.network.prefixlen == network.max_prefixlen:  # given without a prefix length
        address = ipaddress.ip_interface((address.ip, network.prefixlen))
    if address.network != network:
        raise LinkError(
            f"the host address {address} gives {network} another size: give --host-address /{network.prefixlen}"
        )
    _check_unicast(address, "--host-address")
    return address


def _host_ends(network: Network, given: Sequence[Interface], taken: set[Address]) -> Iterator[Interface]:
    chosen = [address for address in given if address.network == network]
    if chosen:
        yield from chosen
        return
    free = next((ip for ip in network.hosts() if ip not in taken), None)
    if free is None:
        raise LinkError(
            f"the stack has every address of {network}, none is left for the kernel: give --address a larger one"
        )
    yield ipaddress.ip_interface((free, network.prefixlen))


def overlap(one: Network, other: Network) -> bool:
    """Whether two networks share an address; never across IP versions."""
    if isinstance(one, IPv4Network):
        return isinstance(other, IPv4Network) and one.overlaps(other)
    return isinstance(other, IPv6Network) and one.overlaps(other)
