"""A Linux TUN device: made or attached to through python-pytun, read and written on its descriptor.

The module imports everywhere; what only Linux has is looked for when a device is opened.
"""

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Sequence

import trio

from pystack.link.device import LinkError
from pystack.link.holder import Holder, find_holders
from pystack.link.linkwatch import LinkWatch
from pystack.link.tunfile import TunFile

NODE = "/dev/net/tun"

_NAME_BYTES = 15
"""IFNAMSIZ less the terminating zero."""


class TunDevice(TunFile):
    """An open TUN device without packet information: each read and write is one bare IP packet.

    A device that this makes is non-persistent: it goes when the process closes it or ends in any way. A
    device that was there before (made with `ip tuntap add`) is attached to and stays. `exclusive` refuses to
    attach to one that was there before. Raises LinkError.
    """

    def __init__(self, name: str, *, exclusive: bool = False) -> None:
        check_name(name)
        check_node()
        try:
            import pytun  # noqa: PLC0415 (Linux only)
        except ImportError as error:
            raise LinkError("TUN devices need Linux and the package python-pytun: install it with pip") from error
        flags = pytun.IFF_TUN | pytun.IFF_NO_PI | (pytun.IFF_TUN_EXCL if exclusive else 0)
        try:
            self._tun = pytun.TunTapDevice(name, flags=flags)
        except OSError as error:
            raise explain_refusal(name, error.errno) from error
        super().__init__(self._tun.fileno(), self._tun.name, self._tun.mtu)
        self._watch: LinkWatch | None = None

    def refresh_mtu(self) -> int:
        """Read `mtu` anew from the kernel and return it. Raises DeviceLost."""
        if self._fd < 0:
            raise self._lost()
        try:
            self.mtu = self._tun.mtu
        except OSError as error:
            raise self._lost() from error
        return self.mtu

    async def wait_changed(self) -> None:
        """Return when the MTU has changed. Raises DeviceLost when the device is closed or deleted."""
        before = self.mtu
        try:
            self._watch = self._watch or LinkWatch()
            while self.refresh_mtu() == before:
                await self._watch.wait()
        except trio.ClosedResourceError as error:
            raise self._lost() from error

    def close(self) -> None:
        """Close the descriptor; a device that we made is gone with it."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        super().close()

    def _close_file(self, fd: int) -> None:
        self._tun.close()


def check_name(name: str) -> None:
    """Refuse with LinkError what Linux would refuse as an interface's name, or would read as a pattern."""
    if (
        not name
        or name in (".", "..")
        or "%" in name
        or any(c in "/:" or c.isspace() or not c.isprintable() for c in name)
    ):
        raise LinkError(f"{name!r} is no name for an interface: give --tun letters and digits, such as tun0")
    if len(name.encode()) > _NAME_BYTES:
        raise LinkError(f"the name {name} is too long for an interface: give --tun one of at most {_NAME_BYTES} bytes")


def check_system() -> None:
    """Refuse with LinkError where there are no TUN devices of this kind at all."""
    if sys.platform != "linux":
        raise LinkError("TUN devices need Linux: elsewhere stacks run in memory and in simulations only")


def check_node(node: str = NODE) -> None:
    """Refuse with LinkError where the node that TUN devices are made through is missing or closed to us."""
    check_system()
    try:
        os.close(os.open(node, os.O_RDWR))
    except OSError as error:
        if error.errno == errno.EACCES:
            raise LinkError(
                f"this user may not open {node}: run as root, or let everyone open it with `chmod 0666 {node}` "
                f'(to last, a udev rule: KERNEL=="tun", MODE="0666")'
            ) from error
        if error.errno == errno.EPERM:  # the cgroup's device list, not the node's mode
            raise LinkError(
                f"this container may not use {node}: start it with `--device {node}` and `--cap-add NET_ADMIN`"
            ) from error
        raise LinkError(
            f"there is no usable {node} ({error.strerror}): load the driver with `modprobe tun`, "
            f"or give the container the device with `--device {node}`"
        ) from error


def explain_refusal(name: str, code: int | None) -> LinkError:
    """Say in one sentence why the kernel did not let us make or attach to `name`; `code` is the errno."""
    if code == errno.EPERM:
        return LinkError(_no_rights(name))
    if code == errno.EBUSY:
        return LinkError(describe_busy(name, find_holders(name)))
    if code == errno.EINVAL and _exists(name):
        return LinkError(
            f"{name} is another kind of interface than a TUN device with one queue, and not ours: "
            f"choose another name with --tun (`ip -d link show {name}` tells what it is)"
        )
    reason = os.strerror(code) if code else "no reason given"
    return LinkError(f"the kernel refuses the TUN device {name} ({reason}): choose another name with --tun")


def describe_busy(name: str, holders: Sequence[Holder]) -> str:
    """Name the processes that hold `name`, as far as we may see them, and the option to change."""
    who = " and ".join(map(str, holders)) or "another process"
    return f"{name} is in use by {who}: choose another name with --tun, or end its holder"


def _no_rights(name: str) -> str:
    if _exists(name):
        return (
            f"{name} belongs to another user: run as root, or have root make one for you with "
            f"`ip tuntap add NAME mode tun user $USER` and attach to it with --tun NAME --host-address none"
        )
    return (
        f"making {name} needs root or CAP_NET_ADMIN: run as root, or have root make it for you with "
        f"`ip tuntap add {name} mode tun user $USER` and attach to it with --host-address none"
    )


def _exists(name: str) -> bool:
    with contextlib.suppress(OSError):
        return socket.if_nametoindex(name) > 0
    return False
