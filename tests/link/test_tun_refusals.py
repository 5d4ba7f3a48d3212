"""What is refused before anything of the host is touched, and devices that are attached to as they are."""

import os
import re
import socket
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

import pytest
from scapy.all import ICMP, IP
from tun_lab import (
    BOTH,
    NOBODY,
    V4,
    become_nobody,
    ip,
    is_echo_request,
    make_private_node,
    ping_v4,
    read_until,
    refusal,
)

from pystack.link.netlink import configure, read_link
from pystack.link.open import open_tun_device
from pystack.link.tun import TunDevice

pytestmark = pytest.mark.kernel


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
