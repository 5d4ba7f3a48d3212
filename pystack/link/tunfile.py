"""Packets to and from the descriptor of a TUN device, however it was opened, in whichever network it is."""

import errno
import os

import trio

from pystack.link.device import DeviceLost
from pystack.wire.packet import Packet

_READ_SIZE = 65536
"""A read that is too small truncates the packet silently, and an IP packet may have 65,535 bytes."""

_IOV_MAX = 1024
"""Linux refuses a gathering write of more pieces."""

_GONE = frozenset({getattr(errno, "EBADFD", 77), errno.EBADF})
"""The kernel's word for a device that was deleted, and Python's for a descriptor that we closed."""


class TunFile:
    """The descriptor `fd` of a TUN device without packet information: each read and write is one bare IP packet. It is
    closed with this. `name` and `mtu` (bytes) are the device's, and stay as they are given.
    """

    def __init__(self, fd: int, name: str, mtu: int) -> None:
        self.name = name
        self.mtu = mtu
        self._fd = fd
        os.set_blocking(fd, False)
        # A child process that inherits the descriptor would keep the device alive after us.
        os.set_inheritable(fd, False)

    def fileno(self) -> int:
        """The device's descriptor; -1 once it is closed."""
        return self._fd

    def read_batch(self, limit: int) -> list[bytes]:
        """Take up to `limit` packets that the kernel has queued for us. Raises DeviceLost."""
        packets: list[bytes] = []
        try:
            while len(packets) < limit:
                packets.append(os.read(self._fd, _READ_SIZE))
        except BlockingIOError:
            pass
        except OSError as error:
            # A TUN read fails in no passing way; with packets in hand, the next call meets the same error.
            if not packets:
                raise self._lost() from error
        return packets

    def write(self, packet: Packet) -> None:
        """Give one packet to the kernel.

        Raises OSError where it is refused (EIO while the link is down, EINVAL for what is no IP packet) and
        DeviceLost where the device is gone.
        """
        pieces = packet.pieces
        if len(pieces) > _IOV_MAX:
            pieces = (bytes(packet),)
        try:
            os.writev(self._fd, pieces)
        except OSError as error:
            if error.errno in _GONE:
                raise self._lost() from error
            raise

    async def wait_readable(self) -> None:
        """Wait for a packet, or for the loss of the device, which the next `read_batch` then reports."""
        if self._fd < 0:
            raise self._lost()
        try:
            await trio.lowlevel.wait_readable(self._fd)
        except trio.ClosedResourceError as error:
            raise self._lost() from error

    async def wait_changed(self) -> None:
        """Never returns."""
        await trio.sleep_forever()

    def close(self) -> None:
        """Close the descriptor; a device that lives by it is gone with it."""
        if self._fd < 0:
            return
        if trio.lowlevel.in_trio_run():
            trio.lowlevel.notify_closing(self._fd)
        fd, self._fd = self._fd, -1
        self._close_file(fd)

    def _close_file(self, fd: int) -> None:
        os.close(fd)

    def _lost(self) -> DeviceLost:
        reason = "was deleted" if self._fd >= 0 else "is closed"
        return DeviceLost(errno.ENETDOWN, f"the device {self.name} {reason}")
