"""What a device that was attached to as it is lacks, so that nobody here reaches the stack."""

from collections.abc import Sequence

from pystack.link.addresses import Interface, plan_addresses
from pystack.link.conflicts import HostState
from pystack.link.device import LinkError


def lack(device: str, addresses: Sequence[Interface], up: bool, host: HostState) -> str | None:
    """What the device of a stack with these addresses lacks, and the command that mends it; None where nothing does.
    `up`: whether it is set up. `host` is what the host has.
    """
    strangers = [address for address in addresses if not _is_reached(address, device, host)]
    lacks = [] if up else ["is down"]
    steps = []
    if strangers:
        lacks.append(f"has no address beside {' and '.join(str(address) for address in strangers)}")
        steps += [f"sudo ip address add {end} dev {device}" for end in _ends(strangers)]
    if not up:
        steps.append(f"sudo ip link set {device} up")
    if not lacks:
        return None
    return f"{device} {', and '.join(lacks)}, so that nothing reaches the stack there: `{' && '.join(steps)}`"


def _is_reached(address: Interface, device: str, host: HostState) -> bool:
    networks = [at.network for at in host.addresses if at.interface == device]
    networks += [route.network for route in host.routes if route.interface == device and route.kind == "unicast"]
    return any(address.ip in network for network in networks)


def _ends(addresses: Sequence[Interface]) -> list[str]:
    """The kernel's addresses for such of the stack; where the network has no room, any with the stack's as its peer."""
    try:
        return [str(end) for end in plan_addresses(addresses).host_addresses]
    except LinkError:
        return [f"{'192.0.2.1' if a.version == 4 else 'fd00:7079::1'} peer {a.ip}" for a in addresses]
