"""What `serve --host-address none` says of a device that nobody can reach it through."""

from ipaddress import ip_interface, ip_network
from typing import Any

import pytest

from pystack.cli.attached import lack
from pystack.link.conflicts import HostAddress, HostRoute, HostState

OURS = [ip_interface("10.0.0.2/24"), ip_interface("fd00:7079::2/64")]
IPV4 = HostAddress("tun0", ip_interface("10.0.0.1/24"), ip_network("10.0.0.0/24"))
IPV6 = HostAddress("tun0", ip_interface("fd00:7079::1/64"), ip_network("fd00:7079::/64"))
ADD_IPV4, ADD_IPV6 = "sudo ip address add 10.0.0.1/24 dev tun0", "sudo ip address add fd00:7079::1/64 dev tun0"


@pytest.mark.parametrize(
    ("up", "host", "says", "mend"),
    [
        (False, HostState([], []), "is down, and has no address beside", f"{ADD_IPV4} && {ADD_IPV6} && sudo ip link"),
        (False, HostState([IPV4, IPV6], []), "tun0 is down, so", "`sudo ip link set tun0 up`"),
        (True, HostState([IPV4], []), "tun0 has no address beside fd00:7079::2/64, so", f"`{ADD_IPV6}`"),
        (True, HostState([IPV6], [HostRoute(ip_network("10.9.0.0/16"), "tun0")]), "10.0.0.2/24,", f"`{ADD_IPV4}`"),
        (True, HostState([IPV6], [HostRoute(ip_network("10.0.0.2/32"), "eth0")]), "10.0.0.2/24,", f"`{ADD_IPV4}`"),
    ],
)
def test_lacks(up: bool, host: HostState, says: str, mend: str) -> None:
    sentence = lack("tun0", OURS, up, host)
    assert sentence is not None
    assert says in sentence
    assert mend in sentence


def test_nothing_lacks() -> None:
    assert lack("tun0", OURS, True, HostState([IPV4, IPV6], [])) is None
    route = HostRoute(ip_network("10.0.0.2/32"), "tun0")
    assert lack("tun0", OURS, True, HostState([IPV6], [route])) is None


@pytest.mark.kernel
def test_serve_warns_and_serves(serve: Any, run: Any) -> None:
    run("ip", "tuntap", "add", "tun0", "mode", "tun")
    server = serve("--host-address", "none")
    status, _, said = server.stop()
    assert status == 0
    assert "tun0 is down, and has no address beside 10.0.0.2/24 and fd00:7079::2/64" in said
    mend = said.partition("`")[2].partition("`")[0].replace("sudo ", "")
    run("/bin/sh", "-c", mend)
    server = serve("--host-address", "none")
    run("ping", "-c", "1", "10.0.0.2")
    assert server.stop() == (0, "", "")
