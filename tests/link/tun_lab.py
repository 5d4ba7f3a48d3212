"""What the tests of real TUN devices share."""

import ctypes
import os
import select
import socket
import stat
import subprocess
import time
from collections.abc import Callable
from ipaddress import ip_interface
from typing import Any

import pytest
from scapy.all import ICMP, ICMPv6EchoRequest, Raw

from pystack.link.device import LinkError
from pystack.link.tun import TunDevice

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
