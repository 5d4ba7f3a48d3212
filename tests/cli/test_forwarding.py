"""What `nc` and `ping` say before they send to where the kernel would not forward."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from serving import PYSTACK, Starter

from pystack.cli.forwarding import is_beyond
from pystack.link.conflicts import HostRoute

ROUTES = [
    HostRoute(ip_network(network), interface, kind)
    for network, interface, kind in (
        ("0.0.0.0/0", "eth0", "unicast"),
        ("::/0", "tun1", "unicast"),
        ("10.0.0.0/24", "tun0", "unicast"),
        ("10.0.0.1/32", "tun0", "local"),
        ("10.0.1.0/24", "tun1", "unicast"),
        ("fd00:7079:1::/64", "tun1", "unicast"),
        ("fd00:7079::1/128", "tun0", "local"),
    )
]


@pytest.mark.parametrize(
    ("address", "beyond"),
    [
        ("10.0.0.1", False),  # the kernel's
        ("10.0.0.2", True),
        ("10.0.1.2", False),  # our own
        ("10.0.1.77", False),  # nobody's, but where we are
        ("203.0.113.5", True),
        ("127.0.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("fd00:7079::1", False),
        ("fd00:7079::2", True),
        ("fd00:7079:1::2", False),
        ("2001:db8::1", True),
        ("::1", False),
    ],
)
def test_what_lies_beyond_the_kernel(address: str, beyond: bool) -> None:
    assert is_beyond(ip_address(address), "tun1", ROUTES) is beyond


@pytest.mark.kernel
class TestBesideServe:
    @pytest.fixture
    def said(self, serve: Starter, run: Callable[..., Any]) -> Callable[..., tuple[int, str]]:
        """Exit status and standard error of a command beside a running `serve`."""
        serve("--echo", "7")

        def call(*args: str) -> tuple[int, str]:
            done = run(*PYSTACK, *args, check=False, timeout=60)
            return done.returncode, done.stderr.decode()

        return call

    @pytest.mark.parametrize(
        ("version", "host", "switch"),
        [(4, "10.0.0.2", "net.ipv4.ip_forward=1"), (6, "fd00:7079::2", "net.ipv6.conf.all.forwarding=1")],
    )
    def test_the_command_that_it_names_helps(
        self, said: Callable[..., tuple[int, str]], run: Callable[..., Any], version: int, host: str, switch: str
    ) -> None:
        run("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")
        advice = (
            f"pystack: {host} lies beyond the kernel, whose IPv{version} forwarding is off: "
            f"switch it on with `sudo sysctl {switch}`\n"
        )
        ping = ("ping", "-c", "1", "-W", "1", host)
        assert said(*ping) == (1, advice)
        assert said("nc", "-w", "1", host, "7") == (1, f"{advice}pystack: {host} port 7 did not answer within 1 s\n")
        assert said("nc", "-u", "-w", "0", host, "7") == (0, advice)
        run("sysctl", "-qw", switch)
        assert said(*ping) == (0, "")
        assert said("nc", host, "7") == (0, "")

    def test_the_kernel_itself_is_no_further(
        self, said: Callable[..., tuple[int, str]], run: Callable[..., Any]
    ) -> None:
        run("sysctl", "-qw", "net.ipv4.ip_forward=0")
        assert said("ping", "-c", "1", "10.0.0.1") == (0, "")
