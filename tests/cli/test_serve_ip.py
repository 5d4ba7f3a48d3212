"""Fragments and ICMP errors between a served stack and the real kernel."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.kernel

Run = Callable[..., "Any"]
FAMILIES = pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "10.0.0.2"), (socket.AF_INET6, "fd00:7079::2")]
)


@FAMILIES
@pytest.mark.parametrize("size", [1472, 1473, 20_000, 65_000])
def test_large_pings(serve: Any, run: Run, family: int, address: str, size: int) -> None:
    """The kernel cuts the requests and joins the replies; ping compares every byte."""
    serve()
    out = run("ping", "-c", "3", "-i", "0.2", "-W", "5", "-s", str(size), "-p", "5a17c3", address).stdout.decode()
    assert "3 received" in out
    assert "wrong data" not in out


@FAMILIES
def test_a_closed_udp_port_refuses(serve: Any, netns: Any, family: int, address: str) -> None:
    serve()

    def scenario() -> str:
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.settimeout(10)
            s.connect((address, 4999))
            s.send(bytes(3000))  # in fragments, too
            try:
                s.recv(1)
            except ConnectionRefusedError:
                return "refused"
        return "answered"

    assert netns.call(scenario) == "refused"


@FAMILIES
def test_an_unknown_protocol_is_refused(serve: Any, netns: Any, family: int, address: str) -> None:
    serve()

    def scenario() -> str:
        icmp = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
        with (
            socket.socket(family, socket.SOCK_RAW, icmp) as listening,
            socket.socket(family, socket.SOCK_RAW, 253) as s,
        ):
            listening.settimeout(10)
            s.sendto(b"?", (address, 0))
            while True:
                packet, sender = listening.recvfrom(2000)
                message = packet[20:] if family == socket.AF_INET else packet
                if sender[0] == address:
                    return f"{message[0]}/{message[1]}"

    assert netns.call(scenario) == ("3/2" if family == socket.AF_INET else "4/1")


def test_tshark_finds_no_fault_with_fragments_and_errors(serve: Any, run: Run, netns: Any, tmp_path: Path) -> None:
    file = tmp_path / "c.pcapng"
    server = serve("--capture", str(file))
    for address in ("10.0.0.2", "fd00:7079::2"):
        run("ping", "-c", "2", "-i", "0.2", "-W", "5", "-s", "20000", address)

    def scenario() -> None:
        for family, address in ((socket.AF_INET, "10.0.0.2"), (socket.AF_INET6, "fd00:7079::2")):
            with socket.socket(family, socket.SOCK_DGRAM) as s:
                s.settimeout(10)
                s.connect((address, 4999))
                s.send(b"x")
                with pytest.raises(ConnectionRefusedError):
                    s.recv(1)

    netns.call(scenario)
    assert server.stop()[0] == 0
    checks = ("-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE")
    read = run("tshark", "-r", str(file), *checks, "-Y", "icmp.type == 0 || icmpv6.type == 129").stdout
    assert len(read.splitlines()) == 4, "two replies in each family, whole"
    faults = (
        "_ws.malformed || ip.checksum.status == 0 || icmp.checksum.status == 0 || icmpv6.checksum.status == 0"
        " || ip.fragment.error || ipv6.fragment.error || ip.fragment.overlap || ipv6.fragment.overlap"
    )
    assert run("tshark", "-r", str(file), *checks, "-Y", faults).stdout == b""
