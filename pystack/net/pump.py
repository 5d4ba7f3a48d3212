"""The pump: a host, its device and trio's clock, tied together by two tasks.

The *reader* takes packets from the device: it reads before it waits, in bounded batches, feeds a whole batch to the
host and only then lets it transmit, so that one ACK answers a batch. The *timekeeper* sleeps until the host's next
deadline. What applications write goes out in their own task (`flush`): no task is ever woken to write.
"""

import logging
from collections.abc import Callable
from typing import Final

import trio

from pystack.link.addresses import MIN_IPV6_MTU
from pystack.link.device import Device, DeviceLost
from pystack.net.driver import Driver
from pystack.sock.dispatch import dispatch
from pystack.stack.host import Host

_log = logging.getLogger(__name__)

_BATCH: Final = 64
"""Packets that are read before other tasks get their turn."""

_LATE_NS: Final = 1000
"""Deadlines are set this much later, so that rounding to trio's float seconds cannot wake us before they have come."""


def trio_clock() -> int:
    """trio's own clock in nanoseconds. A reading costs 0.3 µs where `time.monotonic_ns` costs 0.06, twice per batch of
    packets; for that, virtual clocks just work, and deadlines need no translation.
    """
    return int(trio.current_time() * 1e9)


class Pump(Driver):
    """Runs `host` over `device`. `clock` gives the nanoseconds of trio's clock, from any zero."""

    def __init__(self, host: Host, device: Device, clock: Callable[[], int] = trio_clock) -> None:
        super().__init__(host, device.name, clock)
        self.device = device
        self._scope: trio.CancelScope | None = None
        self._alarm: int | None = None
        """The deadline that the timekeeper's scope is set to."""

    # Tasks

    async def run(self) -> None:
        """Moves packets and time until cancelled or until the device is lost, which `lost` then tells."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_time)
            nursery.start_soon(self._follow_mtu)
            await self._read()
            nursery.cancel_scope.cancel()

    async def _read(self) -> None:
        device, host = self.device, self.host
        while self.lost is None:
            try:
                packets = device.read_batch(_BATCH)
                if not packets:
                    await device.wait_readable()
                    continue
            except DeviceLost as error:
                self._lose(error)
                return
            now = self.clock()
            for packet in packets:
                try:
                    host.receive(packet, now)
                except Exception:
                    self._survive()
            self._push(now)
            # Whom the batch has woken runs now, and so does everybody else: once per batch, not per packet.
            await trio.lowlevel.checkpoint()

    async def _follow_mtu(self) -> None:
        try:
            while True:
                before = self.device.mtu
                await self.device.wait_changed()
                self._warn_of_mtu(before)
                try:
                    self.host.set_mtu(self.device.mtu, self.clock())
                except Exception:
                    self._survive()
                self.flush()
        except DeviceLost as error:
            self._lose(error)

    def _warn_of_mtu(self, before: int) -> None:
        has_ipv6 = any(len(address) == 16 for address, _ in self.host.routes.addresses)
        if has_ipv6 and self.device.mtu < MIN_IPV6_MTU <= before:
            _log.warning(
                "%s has an MTU of %d bytes now: below %d Linux takes its IPv6 addresses away, and gives none back",
                self.device.name,
                self.device.mtu,
                MIN_IPV6_MTU,
            )

    async def _keep_time(self) -> None:
        while True:
            with trio.CancelScope() as self._scope:
                self._alarm = None
                self._set_alarm()
                await trio.sleep_forever()
            self._scope = None
            now = self.clock()
            try:
                self.host.on_deadline(now)
            except Exception:
                self._survive()
            self._push(now)

    def flush(self) -> None:
        self._push(self.clock())

    # Inside

    def _push(self, now: int) -> None:
        """Everything that may follow from a change of the host: packets, events, an earlier deadline. Never raises."""
        self._transmit(now)
        self._dispatch()
        self._set_alarm()

    def _transmit(self, now: int) -> None:
        host, device = self.host, self.device
        while self.lost is None:
            try:
                packet = host.poll_transmit(now)
            except Exception:
                self._survive()
                continue
            if packet is None:
                return
            try:
                device.write(packet)
            except DeviceLost as error:
                self._lose(error)
            except OSError as error:
                # The packet is lost, as packets are; TCP repairs it.
                if self._count("PystackDeviceWriteErrors"):
                    _log.info("%s refuses a packet: %s", device.name, error.strerror or error)

    def _dispatch(self) -> None:
        if dispatch(self.host, guard=self._guarded):
            self._has_changed()

    def _guarded(self, on_ready: Callable[[], None]) -> None:
        try:
            on_ready()
        except Exception:
            self._survive()

    def _set_alarm(self) -> None:
        deadline = self.host.next_deadline()
        if deadline is None or self._scope is None or (self._alarm is not None and self._alarm <= deadline):
            return
        self._alarm = deadline
        self._scope.deadline = trio.current_time() + (deadline - self.clock() + _LATE_NS) / 1e9

    def _lose(self, error: OSError) -> None:
        if self.lost is None:
            super()._lose(error)
            self.device.close()  # wakes the reader

    def _survive(self) -> None:
        """Host code has raised, which is a defect of ours: only the connection that it was at may suffer."""
        if self._count("PystackDefects"):
            _log.exception("a defect of the stack; the connection that it struck is reset")
        self.host.give_up_serving()

    def _count(self, name: str) -> bool:
        """Counts, and says whether to log it: the first, second, fourth, eighth … time."""
        metrics = self.host.metrics
        metrics.count(name)
        count = metrics[name]
        return not count & (count - 1)
