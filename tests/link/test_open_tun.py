"""TUN devices of the real kernel: each test is a scenario in a network namespace of its own."""

import ctypes
import fcntl
import os
import re
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from scapy.all import ICMP, IP, UDP, ICMPv6EchoRequest, IPv6, Raw
from tun_lab import (
    BOTH,
    CLONE_NEWUSER,
    V4,
    become_nobody,
    ip,
    is_echo_request,
    make_private_node,
    ping_v4,
    ping_v6,
    read_until,
    refusal,
)

from pystack.link.holder import find_holders
from pystack.link.netlink import read_link
from pystack.link.netns import enter_private_network
from pystack.link.open import open_tun_device
from pystack.wire.packet import Packet

pytestmark = pytest.mark.kernel


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
