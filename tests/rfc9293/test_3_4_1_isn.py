"""RFC 9293 section 3.4.1: the initial sequence number."""

from collections.abc import Callable
from ipaddress import ip_address, ip_interface

from scapy.layers.inet import TCP

from pystack.sock.calls import Sock
from pystack.sock.constants import AF_INET, AF_INET6
from pystack.testing import Peer


def initial_number(p: Peer, *, local: str = "", local_port: int = 5000, port: int = 6000, remote: str = "") -> int:
    """Of a connection that the host opens now, and gives up at once."""
    sock = Sock(p.host, AF_INET if p.family == 4 else AF_INET6)
    sock.bind(ip_address(local or p.host_address()).packed, local_port)
    sock.connect(ip_address(remote or p.address()).packed, port, p.now)
    number = p.expect(TCP, flags="S").seq
    sock.close(p.now)
    return number


def test_must_8_a_clock_moves_the_number(p: Peer) -> None:
    first = initial_number(p)
    p.wait("1 s")
    assert (initial_number(p) - first) & 0xFFFFFFFF == 250_000, "one more in four microseconds"


def test_must_9_without_the_key_nobody_can_tell(peer_of: Callable[..., Peer]) -> None:
    """Two hosts that differ in nothing but their key, and two ports of one host."""
    numbers = [initial_number(peer_of(seed=seed), port=port) for seed in range(8) for port in (6000, 6001)]
    high = [n >> 16 for n in numbers]
    assert len(set(high)) == len(high)
    steps = {b - a for a, b in zip(numbers[::2], numbers[1::2], strict=True)}
    assert len(steps) == 8, "the difference between two ports tells nothing about another host's"


def test_shld_1_a_clock_and_a_keyed_function_of_the_four_numbers(peer_of: Callable[..., Peer], family: int) -> None:
    """With the key and the time given, the four-tuple decides: the same gives the same, each part counts."""

    def number(**ends: object) -> int:
        return initial_number(peer_of(own, second, seed=1), **ends)  # type: ignore[arg-type]

    own, second, other = ("10.0.0.2/24", "10.0.0.3/24", "10.0.0.77")
    if family == 6:
        own, second, other = ("fd00::2/64", "fd00::3/64", "fd00::77")
    assert number() == number()
    varied: list[dict[str, object]] = [
        {},
        {"local": str(ip_interface(second).ip)},
        {"local_port": 5001},
        {"port": 6001},
        {"remote": other},
    ]
    variants = [number(**ends) for ends in varied]
    assert len({v >> 16 for v in variants}) == 5, "and not by a little"
