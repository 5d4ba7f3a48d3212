"""How a TUN device of the real kernel goes away, and how that is heard."""

import errno
from typing import Any

import pytest
import trio.testing
from scapy.all import ICMP, IP
from tun_lab import V4, ip, is_echo_request, ping_v4, read_until

from pystack.link.device import DeviceLost
from pystack.link.open import open_tun_device
from pystack.link.tun import TunDevice
from pystack.wire.packet import Packet

pytestmark = pytest.mark.kernel


class TestLoss:
    def test_a_link_that_goes_down_loses_packets_and_comes_back(self, netns: Any) -> None:
        def scenario() -> tuple[int | None, bool, list[bytes], bytes]:
            device, _ = open_tun_device("tun0", V4)
            ip("link set tun0 down")
            device.read_batch(64)  # what was queued before
            with pytest.raises(OSError) as caught:
                device.write(Packet((bytes(IP(src="10.0.0.2", dst="10.0.0.1")),)))
            quiet = device.read_batch(64)
            ip("link set tun0 up")
            ping_v4()
            return caught.value.errno, isinstance(caught.value, DeviceLost), quiet, read_until(device, is_echo_request)

        code, lost, quiet, heard = netns.call(scenario)
        assert (code, lost, quiet) == (errno.EIO, False, [])
        assert IP(heard)[ICMP].type == 8

    def test_a_device_that_is_deleted_wakes_its_reader_and_is_lost(self, netns: Any) -> None:
        def scenario() -> list[str]:
            device, _ = open_tun_device("tun0", V4)
            losses = []

            async def reader() -> None:
                with trio.fail_after(10):
                    while True:
                        await device.wait_readable()
                        device.read_batch(64)

            async def main() -> None:
                try:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(reader)
                        await trio.testing.wait_all_tasks_blocked()
                        ip("link delete tun0")
                except* DeviceLost as group:
                    losses.extend(str(error) for error in group.exceptions)

            trio.run(main)
            for use in (lambda: device.write(Packet((b"\x45",))), lambda: device.read_batch(1), device.refresh_mtu):
                with pytest.raises(DeviceLost) as caught:
                    use()
                losses.append(str(caught.value))
            device.close()
            return losses

        assert netns.call(scenario) == [f"[Errno {errno.ENETDOWN}] the device tun0 was deleted"] * 4

    def test_closing_it_wakes_its_reader_with_the_loss(self, netns: Any) -> None:
        def scenario() -> list[str]:
            device = TunDevice("tun0")
            losses = []

            async def reader() -> None:
                with trio.fail_after(10):
                    for _ in range(2):
                        try:
                            await device.wait_readable()
                        except DeviceLost as error:
                            losses.append(str(error))

            async def main() -> None:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(reader)
                    await trio.testing.wait_all_tasks_blocked()
                    device.close()

            trio.run(main)
            for use in (lambda: device.write(Packet((b"\x45",))), lambda: device.read_batch(1)):
                with pytest.raises(DeviceLost) as caught:
                    use()
                losses.append(str(caught.value))
            return losses

        assert netns.call(scenario) == [f"[Errno {errno.ENETDOWN}] the device tun0 is closed"] * 4
