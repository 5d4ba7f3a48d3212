"""TUN devices of the real kernel: each test is a scenario in a network namespace of its own."""

import ctypes
import errno
import fcntl
import os
import re
import select
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

import pytest
import trio.testing
from scapy.all import ICMP, IP, UDP, ICMPv6EchoRequest, IPv6, Raw

from pystack.link.device import DeviceLost, LinkError
from pystack.link.holder import find_holders
from pystack.link.netlink import configure, read_link
from pystack.link.netns import enter_private_network
from pystack.link.open import open_tun_device
from pystack.link.tun import TunDevice
from pystack.wire.packet import Packet

pytestmark = pytest.mark.kernel

V4 = [ip_interface("10.0.0.2/24")]
BOTH = [ip_interface("10.0.0.2/24"), ip_interface("fd00:7079::2/64")]
NOBODY = 65534
CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
PR_SET_DUMPABLE = 4


def ip(arguments: str) -> str:
    return subprocess.run(["ip", *arguments.split()], check=True, capture_output=True, text=True, timeout=30).stdout


def read_until(device: TunDevice, wanted: Callable[[bytes], bool]) -> bytes:
    """The first packet that is `wanted`; the kernel also sends multicast of its own into a new device."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        select.select([device.fileno()], [], [], 1)
        for packet in device.read_batch(64):
            if wanted(packet):
                return packet
    raise AssertionError("the packet did not come")


def ping_v4(sequence: int = 1) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.sendto(bytes(ICMP(id=7, seq=sequence) / Raw(b"ping")), ("10.0.0.2", 0))


def ping_v6() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
        raw.sendto(bytes(ICMPv6EchoRequest(id=7, seq=1, data=b"ping")), ("fd00:7079::2", 0))


def is_echo_request(packet: bytes) -> bool:
    return (packet[0] >> 4, packet[9], packet[20]) == (4, 1, 8) or (packet[0] >> 4, packet[6], packet[40]) == (
        6,
        58,
        128,
    )


def refusal(act: Callable[[], Any]) -> str:
    """The sentence with which `act` refuses; checks that it left the interfaces, addresses and routes as they were."""
    looks = ("-o addr", "-o link", "route show table all", "-6 route show table all")
    before = [ip(look) for look in looks]
    with pytest.raises(LinkError) as caught:
        act()
    assert [ip(look) for look in looks] == before
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def make_private_node(mode: int) -> None:
    """A device node with these permissions, seen by this process only."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(CLONE_NEWNS) == 0
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/dev/net"], check=True)
    os.mknod("/dev/net/tun", stat.S_IFCHR | mode, os.makedev(10, 200))
    os.chmod("/dev/net/tun", mode)


def become_nobody() -> None:
    import pyroute2.iproute.linux  # noqa: F401, PLC0415 (nobody may not be able to read the environment we run from)
    import pytun  # noqa: F401, PLC0415

    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    # A process that changed its user may not even write its own /proc/self; one that the user started may.
    assert ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0


class TestAnOpenDevice:
    def test_is_up_with_the_kernels_addresses_and_hears_a_ping_at_once(self, netns: Any) -> None:
        def scenario() -> tuple[bytes, bytes, str, str, int, int, object]:
            device, _ = open_tun_device("tun0", BOTH, mtu=1400)
            ping_v4()
            v4 = read_until(device, is_echo_request)
            ping_v6()
            v6 = read_until(device, is_echo_request)
            link, addresses = ip("link show tun0"), ip("-o addr show tun0")
            descriptor_flags = fcntl.fcntl(device.fileno(), fcntl.F_GETFD)
            device.close()
            device.close()
            return v4, v6, link, addresses, device.mtu, descriptor_flags, read_link("tun0")

        v4, v6, link, addresses, mtu, descriptor_flags, after = netns.call(scenario)
        assert (IP(v4).src, IP(v4).dst, IP(v4)[ICMP].id, bytes(IP(v4)[Raw])) == ("10.0.0.1", "10.0.0.2", 7, b"ping")
        assert (IPv6(v6).src, IPv6(v6).dst, IPv6(v6)[ICMPv6EchoRequest].data) == (
            "fd00:7079::1",
            "fd00:7079::2",
            b"ping",
        )
        assert re.search(r"<[^>]*\bUP\b[^>]*> mtu 1400 .* qlen 10000", link)
        assert "inet 10.0.0.1/24" in addresses
        assert "inet6 fd00:7079::1/64" in addresses
        assert mtu == 1400
        assert descriptor_flags & fcntl.FD_CLOEXEC
        assert after is None

    def test_gathers_any_number_of_pieces_into_one_packet_of_any_size(self, netns: Any) -> None:
        def scenario() -> tuple[bytes, bytes]:
            device, _ = open_tun_device("tun0", V4, mtu=65535)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
                peer.bind(("10.0.0.1", 5000))
                peer.settimeout(10)
                packet = bytes(IP(src="10.0.0.2", dst="10.0.0.1") / UDP(sport=6000, dport=5000) / Raw(os.urandom(3000)))
                device.write(Packet(tuple(bytes([byte]) for byte in packet)))
                sent = peer.recv(65535)
                peer.sendto(sent * 20, ("10.0.0.2", 6000))
                received = read_until(device, lambda packet: packet[9:10] == b"\x11")
            return sent, received

        sent, received = netns.call(scenario)
        assert len(received) == 20 + 8 + 60_000
        assert received[28:] == sent * 20

    def test_reads_at_most_the_limit_and_keeps_the_rest(self, netns: Any) -> None:
        def scenario() -> list[list[bytes]]:
            device, _ = open_tun_device("tun0", V4)
            for sequence in range(5):
                ping_v4(sequence)
            return [device.read_batch(limit) for limit in (2, 2, 64)]

        batches = netns.call(scenario)
        # The kernel may have put router solicitations in between.
        pings = [IP(packet) for batch in batches for packet in batch if is_echo_request(packet)]
        assert [ping[ICMP].seq for ping in pings] == [0, 1, 2, 3, 4]
        assert [len(batch) for batch in batches[:2]] == [2, 2]

    def test_is_gone_after_kill_9_of_its_holder(self, netns: Any) -> None:
        def scenario() -> tuple[list[tuple[int, str]], int, object]:
            ready, tell = os.pipe()
            holder = os.fork()
            if holder == 0:
                _held = open_tun_device("tun0", BOTH)
                os.write(tell, b"!")
                signal.pause()
            assert os.read(ready, 1) == b"!"
            seen = [tuple(found) for found in find_holders("tun0")]
            os.kill(holder, signal.SIGKILL)
            os.waitpid(holder, 0)
            return seen, holder, read_link("tun0")

        holders, holder, after = netns.call(scenario)
        assert [pid for pid, _ in holders] == [holder]
        assert after is None

    def test_does_not_live_on_in_a_child_process(self, netns: Any) -> None:
        def scenario() -> object:
            device, _ = open_tun_device("tun0", V4)
            child = subprocess.Popen(["sleep", "30"], close_fds=False)
            try:
                device.close()
                return read_link("tun0")
            finally:
                child.kill()
                child.wait()

        assert netns.call(scenario) is None


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


class TestRefusals:
    @pytest.mark.parametrize(
        ("before", "words"),
        [
            ("tuntap add tun0 mode tap", ["tun0 is a TAP interface, not a TUN device", "--tun"]),
            ("link add tun0 type veth peer name other", ["tun0 is a veth interface, not a TUN device", "--tun"]),
            (
                "tuntap add tun0 mode tun user 65534",
                ["tun0 exists already", "user nobody", "--host-address none", "--tun"],
            ),
            ("tuntap add tun0 mode tun user 12345", ["tun0 exists already", "user 12345"]),
            ("tuntap add tun0 mode tun", ["tun0 exists already", "of root"]),
            ("addr add 10.0.0.9/24 dev lo", ["10.0.0.0/24 is taken", "lo has the address 10.0.0.9/24", "--address"]),
            ("addr add 192.168.9.1 peer 10.0.0.9 dev lo", ["lo has the address 192.168.9.1/32"]),
            ("addr add fd00:7079::9/48 dev lo", ["fd00:7079::/64 is taken", "lo has the address fd00:7079::9/48"]),
            ("route add 10.0.0.0/8 dev lo", ["a route to 10.0.0.0/8 through lo;", "--host-address"]),
            ("route add 10.0.0.9/32 dev lo table 52", ["a route to 10.0.0.9/32 through lo (table 52);"]),
            ("route add 10.0.0.0/16 nexthop dev lo", ["a route to 10.0.0.0/16 through lo;"]),
            ("route add blackhole 10.0.0.0/9", ["the blackhole route 10.0.0.0/9;"]),
            ("route add local 10.0.0.0/15 dev lo", ["the local route 10.0.0.0/15 through lo (table 255);"]),
            ("-6 route add unreachable fd00::/8", ["the unreachable route fd00::/8;"]),
        ],
    )
    def test_name_the_holder_and_the_options_and_touch_nothing(self, netns: Any, before: str, words: list[str]) -> None:
        def scenario() -> str:
            ip(before)
            return refusal(lambda: open_tun_device("tun0", BOTH))

        sentence = netns.call(scenario)
        assert [word for word in words if word not in sentence] == []

    @pytest.mark.parametrize(
        "before",
        [
            "route add 0.0.0.0/1 dev lo",
            "route add throw 10.0.0.0/8 table 52",
            "route add default dev lo table 51820",
            "addr add 10.0.1.9/24 dev lo",
        ],
    )
    def test_leave_alone_what_is_no_conflict(self, netns: Any, before: str) -> None:
        def scenario() -> list[str]:
            ip(before)
            _, plan = open_tun_device("tun0", BOTH)
            return [str(address) for address in plan.host_addresses]

        assert netns.call(scenario) == ["10.0.0.1/24", "fd00:7079::1/64"]

    @pytest.mark.parametrize("host_addresses", [None, "none"])
    def test_name_the_process_that_holds_a_busy_device(self, netns: Any, host_addresses: Any) -> None:
        def scenario() -> tuple[str, str]:
            _held = TunDevice("tun0")
            sentence = refusal(lambda: open_tun_device("tun0", BOTH, host_addresses))
            busy = refusal(lambda: TunDevice("tun0"))
            assert sentence == busy
            return sentence, f"process {os.getpid()} ({Path('/proc/self/comm').read_text().strip()})"

        sentence, holder = netns.call(scenario)
        assert sentence.startswith(f"tun0 is in use by {holder}: choose another name with --tun")

    def test_another_kind_of_device_is_refused_by_the_kernel_in_a_sentence_too(self, netns: Any) -> None:
        def scenario() -> str:
            ip("tuntap add tun0 mode tap")
            return refusal(lambda: TunDevice("tun0"))

        assert netns.call(scenario) == (
            "tun0 is another kind of interface than a TUN device with one queue, and not ours: "
            "choose another name with --tun (`ip -d link show tun0` tells what it is)"
        )

    def test_a_set_up_that_fails_leaves_no_device(self, netns: Any) -> None:
        def scenario() -> str:
            Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
            return refusal(lambda: open_tun_device("tun0", BOTH))

        assert "IPv6 is off on this host, so fd00:7079::1/64 cannot be put on tun0" in netns.call(scenario)

    def test_an_ordinary_user_is_told_how_to_open_the_node(self, netns: Any) -> None:
        def scenario() -> str:
            make_private_node(0o600)
            become_nobody()
            return refusal(lambda: open_tun_device("tun0", BOTH))

        sentence = netns.call(scenario)
        assert sentence.startswith("this user may not open /dev/net/tun: run as root")
        assert "chmod 0666 /dev/net/tun" in sentence

    def test_an_ordinary_user_is_told_how_to_get_a_device(self, netns: Any) -> None:
        def scenario() -> tuple[str, str]:
            ip("tuntap add theirs mode tun user 12345")
            make_private_node(0o666)
            become_nobody()
            making = refusal(lambda: open_tun_device("tun0", BOTH))
            return making, refusal(lambda: open_tun_device("theirs", BOTH, "none"))

        making, attaching = netns.call(scenario)
        assert making.startswith("making tun0 needs root or CAP_NET_ADMIN: run as root")
        assert "`ip tuntap add tun0 mode tun user $USER`" in making
        assert attaching.startswith("theirs belongs to another user: run as root")


class TestHostAddressNone:
    def test_attaches_to_a_device_as_it_is_and_leaves_it_behind(self, netns: Any) -> None:
        def scenario() -> tuple[str, str, str, int, bytes]:
            ip("tuntap add tun0 mode tun")
            configure("tun0", addresses=[ip_interface("10.0.0.7/24")], mtu=1300, queue_length=77, up=True)
            before = ip("-o addr show tun0 scope global") + ip("-o link show tun0")
            device, _ = open_tun_device("tun0", V4, "none")
            ping_v4()
            heard = read_until(device, is_echo_request)
            during = ip("-o addr show tun0 scope global") + ip("-o link show tun0")
            device.close()
            after = ip("-o addr show tun0 scope global")
            return before, during, after, device.mtu, heard

        before, during, after, mtu, heard = netns.call(scenario)
        settings = re.compile(r"inet \S+|mtu \d+|qlen \d+")
        assert settings.findall(during) == settings.findall(before) == ["inet 10.0.0.7/24", "mtu 1300", "qlen 77"]
        assert "inet 10.0.0.7/24" in after
        assert mtu == 1300
        assert IP(heard).src == "10.0.0.7"

    def test_sets_an_mtu_that_was_asked_for(self, netns: Any) -> None:
        def scenario() -> int:
            ip("tuntap add tun0 mode tun")
            device, _ = open_tun_device("tun0", V4, "none", mtu=900)
            return device.mtu

        assert netns.call(scenario) == 900

    def test_refuses_where_there_is_none(self, netns: Any) -> None:
        def scenario() -> tuple[str, object]:
            return refusal(lambda: open_tun_device("tun0", BOTH, "none")), read_link("tun0")

        text, after = netns.call(scenario)
        assert text.startswith("there is no device tun0 to attach to")
        assert "ip tuntap add tun0 mode tun" in text
        assert after is None

    def test_refuses_the_kernels_own_address_for_the_stack(self, netns: Any) -> None:
        def scenario() -> str:
            ip("tuntap add tun0 mode tun")
            ip("addr add 10.0.0.2/24 dev tun0")
            return refusal(lambda: open_tun_device("tun0", V4, "none"))

        assert netns.call(scenario) == "10.0.0.2 is the kernel's own address on tun0: change --address"

    def test_lets_an_ordinary_user_attach_to_a_device_of_his_own(self, netns: Any) -> None:
        def scenario() -> bytes:
            ip(f"tuntap add tun0 mode tun user {NOBODY}")
            configure("tun0", addresses=[ip_interface("10.0.0.1/24")], up=True)
            ping_socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            make_private_node(0o666)
            become_nobody()
            device, _ = open_tun_device("tun0", V4, "none")
            ping_socket.sendto(bytes(ICMP()), ("10.0.0.2", 0))
            return read_until(device, is_echo_request)

        assert IP(netns.call(scenario)).dst == "10.0.0.2"


class TestPrivateNetworks:
    @pytest.mark.parametrize("ordinary_user", [False, True])
    def test_a_process_gets_one_of_its_own_with_a_device_in_it(self, netns: Any, ordinary_user: bool) -> None:
        def scenario() -> tuple[bool, bytes, bool]:
            make_private_node(0o666)
            if ordinary_user:
                become_nobody()
            before = os.stat("/proc/self/ns/net").st_ino
            enter_private_network()
            device, _ = open_tun_device("tun0", BOTH)
            ping_v4()
            heard = read_until(device, is_echo_request)
            with socket.create_server(("127.0.0.1", 0)) as server:
                socket.create_connection(server.getsockname(), 5).close()
            return os.stat("/proc/self/ns/net").st_ino != before, heard, os.geteuid() == 0

        apart, heard, is_root_inside = netns.call(scenario)
        assert apart
        assert IP(heard).dst == "10.0.0.2"
        assert is_root_inside

    def test_a_forbidden_one_names_the_setting(self, netns: Any) -> None:
        def scenario() -> str:
            # The limit of a user namespace of our own; the machine's is not touched.
            libc = ctypes.CDLL(None, use_errno=True)
            assert libc.unshare(CLONE_NEWUSER) == 0
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text("0 0 1")
            Path("/proc/self/gid_map").write_text("0 0 1")
            for limit in ("max_user_namespaces", "max_net_namespaces"):
                Path(f"/proc/sys/user/{limit}").write_text("0")
            return refusal(enter_private_network)

        assert netns.call(scenario) == (
            "this host lets no ordinary user make a network namespace: run as root, "
            "or allow it with `sysctl user.max_user_namespaces=10000`"
        )
