"""What every device offers to the pump, and the two ways in which one fails."""

from collections.abc import Sequence
from typing import Protocol

from pystack.wire.buffers import Buffer
from pystack.wire.packet import Packet


class LinkError(Exception):
    """A device cannot be opened or set up. The message is one sentence: the reason, and what to do about it."""


class DeviceLost(OSError):
    """The device is gone: deleted under us, or closed on our side. No packet will ever pass again."""


class Device(Protocol):
    """A place that IP packets come from and go to. One task reads; any task may write."""

    @property
    def name(self) -> str:
        """The interface's name, as the operating system or a capture shows it."""

    @property
    def mtu(self) -> int:
        """The largest IP packet in bytes, IP header included, that a single packet may have on this link."""

    def read_batch(self, limit: int) -> Sequence[Buffer]:
        """Take up to `limit` packets that are there now, oldest first; empty if none would come without waiting.

        The buffers are the reader's own until the next call of `read_batch`; whoever keeps bytes longer copies
        what is not `bytes`. Raises DeviceLost when the device is gone and nothing is left to read.
        """

    def write(self, packet: Packet) -> None:
        """Hand over one packet with one gathering write.

        Raises OSError where the packet is refused: it is lost, and the caller counts it. DeviceLost (an OSError
        too) says that every later packet would be lost as well.
        """

    async def wait_readable(self) -> None:
        """Return when `read_batch` would find a packet or the loss of the device. One task at a time.

        Raises DeviceLost when the device is closed, before or during the wait.
        """

    async def wait_changed(self) -> None:
        """Return when `mtu` has another value; never, where it cannot change. One task at a time. Raises DeviceLost."""

    def close(self) -> None:
        """Let go of the device and wake a waiting reader with DeviceLost. Closing twice is fine."""
