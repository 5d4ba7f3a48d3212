"""A device and networks of one's own, for a program that runs beside others: the first that nobody holds."""

from collections.abc import Iterator
from ipaddress import ip_interface

from pystack.link.addresses import Interface, plan_addresses
from pystack.link.conflicts import check_conflicts
from pystack.link.device import LinkError
from pystack.link.netlink import read_host, read_link
from pystack.link.open import open_tun_device
from pystack.link.tun import TunDevice

_MOST = 256


def open_free_tun_device(*, ipv6: bool = True) -> tuple[TunDevice, list[Interface]]:
    """The first tunN that is not there yet, with the first of 10.0.N.0/24 and fd00:7079:N::/64 that nobody here uses.

    The stack's addresses are the second of each network, the kernel's the first. `ipv6` False leaves IPv6 out. Raises
    `LinkError`.
    """
    refusal: LinkError | None = None
    for name in _names():
        addresses = _free_networks(name, ipv6)
        try:
            return open_tun_device(name, addresses)[0], addresses
        except LinkError as error:
            # Another program may have taken the name or the network since we looked: then there is a next one.
            if read_link(name) is None:
                raise
            refusal = error
    raise refusal or LinkError(f"the host has {_MOST} TUN devices already: remove one with `ip link del NAME`")


def _free_networks(name: str, ipv6: bool) -> list[Interface]:
    """The stack's addresses in the first networks that only the device `name` may use. Raises `LinkError`."""
    host = read_host()
    reason = ""
    for addresses in _candidates(ipv6):
        try:
            check_conflicts(plan_addresses(addresses), name, host)
            return addresses
        except LinkError as error:
            reason, _, _ = str(error).partition("; ")  # what follows is about options that there are not here
    raise LinkError(
        f"{reason}, and none of 10.0.N.0/24 {'with fd00:7079:N::/64 ' if ipv6 else ''}is free: free one, or do this in "
        f"a network of its own (`sudo unshare --net`)"
    )


def _names() -> Iterator[str]:
    return (name for name in (f"tun{n}" for n in range(_MOST)) if read_link(name) is None)


def _candidates(ipv6: bool) -> Iterator[list[Interface]]:
    for n in range(_MOST):
        texts = [f"10.0.{n}.2/24", f"fd00:7079:{n:x}::2/64"] if ipv6 else [f"10.0.{n}.2/24"]
        yield [ip_interface(text) for text in texts]
