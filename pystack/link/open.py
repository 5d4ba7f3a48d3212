"""Opening a TUN device without harm to the host: everything that can refuse refuses before anything is touched.

The order is: check what was asked, look for conflicts, make the device, set it up. A failure after the device
is made closes it, and a device that we made is gone when it is closed.

A device that is there already is someone else's. It is never set up anew; `--host-address none` attaches to it as
it is, and touches nothing of it but an MTU that was asked for.
"""

import contextlib
from collections.abc import Sequence

from pystack.link.addresses import HostAddresses, Interface, Plan, check_mtu, plan_addresses
from pystack.link.conflicts import check_addresses_free, check_conflicts
from pystack.link.device import LinkError
from pystack.link.holder import find_holders
from pystack.link.netlink import Link, configure, keep_addresses_when_down, read_host, read_link
from pystack.link.tun import TunDevice, check_name, check_system, describe_busy

QUEUE_LENGTH = 10_000
"""Packets that the kernel queues for us. Its default of 500 overflows, and loses, as soon as a peer fills a window of
more than some 700 KB while we compute; 10,000 hold 15 MB of full-sized packets."""


def open_tun_device(
    name: str, addresses: Sequence[Interface], host_addresses: HostAddresses = None, mtu: int | None = None
) -> tuple[TunDevice, Plan]:
    """Open the TUN device `name` for a stack that has `addresses`, ready for packets when this returns.

    `host_addresses` are the kernel's at its end: these, or (None) the first free one of each network, on a
    device that this makes; or "none": attach to the device as it is. `mtu` is in bytes; None leaves it. The MTU in
    force is `device.mtu`. Raises LinkError.

    It talks to the kernel for some milliseconds without waiting for anyone, and may be called inside or outside trio.
    """
    check_system()
    check_name(name)
    plan = plan_addresses(addresses, host_addresses)
    check_mtu(mtu, plan)
    existing = read_link(name)
    if existing is not None:
        _check_attachable(existing, as_it_is=not plan.host_addresses)
    elif not plan.host_addresses:
        raise LinkError(
            f"there is no device {name} to attach to: make one with `ip tuntap add {name} mode tun user $USER`, "
            f"give it an address and set it up, or leave out --host-address none"
        )
    if plan.host_addresses:
        check_conflicts(plan, name, read_host())
    else:
        check_addresses_free(plan, read_host())
    # Exclusive: a device that someone makes between our look and this call is refused too.
    device = TunDevice(name, exclusive=bool(plan.host_addresses))
    with contextlib.ExitStack() as undo:
        undo.callback(device.close)
        if plan.host_addresses:
            keep_addresses_when_down(name)
            configure(name, addresses=plan.host_addresses, mtu=mtu, queue_length=QUEUE_LENGTH, up=True)
        elif mtu is not None:
            configure(name, mtu=mtu)
        device.refresh_mtu()
        undo.pop_all()
    return device, plan


def _check_attachable(link: Link, as_it_is: bool) -> None:
    if not link.is_tun:
        raise LinkError(f"{link.name} is {_kind(link)}, not a TUN device, and not ours: choose another name with --tun")
    holders = find_holders(link.name)
    if holders or not link.persistent:
        raise LinkError(describe_busy(link.name, holders))
    if not as_it_is:
        raise LinkError(
            f"{link.name} exists already, a TUN device of {_owner(link)}: attach to it as it is with "
            f"--host-address none, or choose another name with --tun"
        )


def _kind(link: Link) -> str:
    if link.kind:
        return f"a {'TAP' if link.kind == 'tun' else link.kind} interface"
    return "the loopback interface" if link.name == "lo" else "a network card"


def _owner(link: Link) -> str:
    if link.owner is None:
        return "root"
    try:
        import pwd  # noqa: PLC0415 (not on Windows)

        return f"user {pwd.getpwuid(link.owner).pw_name}"
    except (ImportError, KeyError):
        return f"user {link.owner}"
