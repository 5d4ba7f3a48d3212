"""Which addresses are ours, who can have sent a packet, and which address we speak from."""

from ipaddress import ip_address

import pytest
from ip_lab import ADDRESSES, SECOND, host
from scapy.layers.inet import IP, TCP

from pystack.ip.address import common_prefix, default_mss, is_multicast, scope_of, wildcard_of
from pystack.ip.config import IpConfig
from pystack.ip.routes import Route, Routes
from pystack.stack.errors import Unreachable


def a(text: str) -> bytes:
    return ip_address(text).packed


def routes(*addresses: str, via: tuple[tuple[str, str | None], ...] = ()) -> Routes:
    """Routes of "address/prefix" and (network, gateway)."""

    def split(text: str) -> tuple[bytes, int]:
        address, _, prefix = text.partition("/")
        return a(address), int(prefix)

    more = tuple((*split(network), None if gateway is None else a(gateway)) for network, gateway in via)
    return Routes(tuple(map(split, addresses)), more)


def test_own_addresses_and_hosts() -> None:
    r = routes("10.0.0.2/24", "192.168.7.4/31", "fd00::2/64")
    assert r.is_own(a("10.0.0.2"))
    assert not r.is_own(a("10.0.0.3"))
    assert r.is_unicast(a("10.0.0.254"))
    assert not r.is_unicast(a("10.0.0.255")), "the broadcast of one of our networks"
    assert r.is_unicast(a("192.168.7.5")), "a network of two has none"
    assert r.is_unicast(a("fd00::1"))
    for text in ("::", "0.0.0.0", "0.1.2.3", "255.255.255.255", "240.0.0.1", "224.0.0.1", "ff02::1"):
        assert not r.is_unicast(a(text)), text


@pytest.mark.parametrize(
    "text", ["10.0.0.2", "127.0.0.1", "10.0.0.255", "224.0.0.1", "0.0.0.0", "255.255.255.255", "250.1.1.1"]
)
def test_no_packet_comes_from_there_v4(text: str) -> None:
    """RFC 1122 section 3.2.1.3, MUST-63."""
    assert not routes("10.0.0.2/24").is_source(a(text))


@pytest.mark.parametrize("text", ["fd00::2", "::1", "::", "ff02::1"])
def test_no_packet_comes_from_there_v6(text: str) -> None:
    assert not routes("fd00::2/64").is_source(a(text))


def test_packets_come_from_others() -> None:
    r = routes("10.0.0.2/24", "fd00::2/64")
    assert all(r.is_source(a(t)) for t in ("10.0.0.1", "8.8.8.8", "fd00::1", "fe80::1", "2001:db8::1"))


def test_the_groups_that_each_host_is_in() -> None:
    r = routes("10.0.0.2/24", "fd00::1234:5678/64")
    inside = ("224.0.0.1", "255.255.255.255", "10.0.0.255", "ff02::1", "ff01::1", "ff02::1:ff34:5678")
    assert all(r.is_group(a(t)) for t in inside)
    outside = ("224.0.0.2", "10.0.0.2", "10.0.1.255", "ff02::2", "ff02::1:ff34:5679", "fd00::1234:5678")
    assert not any(r.is_group(a(t)) for t in outside)


@pytest.mark.parametrize(
    ("destination", "source"),
    [
        ("192.168.7.4", "192.168.7.5"),
        ("10.0.0.77", "10.0.0.2"),
        ("8.8.8.8", "10.0.0.2"),
        ("193.0.0.1", "10.0.0.2"),
        ("10.0.0.2", "10.0.0.2"),
        ("fd00::1", "fd00::2"),
    ],
)
def test_the_source_is_the_address_whose_network_fits(destination: str, source: str) -> None:
    """MUST-44."""
    assert routes("10.0.0.2/24", "192.168.7.5/30", "fd00::2/64").source_for(a(destination)) == a(source)


SIX = ("fd00::2/64", "fe80::2/64", "2001:db8:1::2/64", "2001:db8:2::2/64")


@pytest.mark.parametrize(
    ("destination", "source"),
    [
        ("2001:db8:2::9", "2001:db8:2::2"),  # rule 8
        ("2001:db8:2::2", "2001:db8:2::2"),  # rule 1
        ("2001:db8:1::9", "2001:db8:1::2"),
        ("fe80::9", "fe80::2"),  # rule 2: the narrowest that reaches
        ("fd00::9", "fd00::2"),
        ("fd99::9", "fd00::2"),
        ("2a00::1", "2001:db8:1::2"),  # a tie: the first
        ("ff02::1", "fe80::2"),
        ("ff0e::1", "2001:db8:1::2"),  # rule 6
    ],
)
def test_source_selection_of_rfc_6724(destination: str, source: str) -> None:
    assert routes(*SIX).source_for(a(destination)) == a(source)


def test_only_bits_of_the_network_count() -> None:
    """RFC 6724 section 2.2: up to the length of the source's prefix."""
    assert routes("fd00::1/64", "fd00::2/64").source_for(a("fd00::3")) == a("fd00::1")


def test_a_link_local_source_only_where_there_is_no_wider_one() -> None:
    assert routes("fe80::2/64", "fd00::2/64").source_for(a("2a00::1")) == a("fd00::2")
    assert routes("fe80::2/64").source_for(a("2a00::1")) == a("fe80::2")
    assert routes("169.254.1.1/16", "10.0.0.2/24").source_for(a("8.8.8.8")) == a("10.0.0.2")
    assert routes("10.0.0.2/24", "169.254.1.1/16").source_for(a("169.254.9.9")) == a("169.254.1.1")


def test_no_source_without_an_address_of_the_family() -> None:
    assert routes("10.0.0.2/24").source_for(a("fd00::1")) is None
    assert routes("10.0.0.2/24").route_for(a("fd00::1")) is None
    assert (default_mss(a("10.0.0.2")), default_mss(a("::"))) == (536, 1220)
    assert (wildcard_of(a("10.0.0.2")), wildcard_of(a("fd00::1"))) == (bytes(4), bytes(16))


def test_the_longest_prefix_is_the_route() -> None:
    r = routes(
        "10.0.0.2/24",
        "10.9.0.2/24",
        via=(("10.0.0.0/8", "10.0.0.1"), ("10.5.0.0/16", "10.9.0.1"), ("10.0.0.0/24", "10.0.0.9")),
    )
    assert r.route_for(a("10.0.0.77")) == Route(a("10.0.0.2"), 24), "connected before routed"
    assert r.route_for(a("10.5.1.1")) == Route(a("10.5.0.0"), 16, a("10.9.0.1"))
    assert r.route_for(a("10.6.1.1")) == Route(a("10.0.0.0"), 8, a("10.0.0.1"))
    assert r.route_for(a("11.0.0.1")) is None
    assert r.source_for(a("10.5.1.1")) == a("10.9.0.2"), "the address on the gateway's network"
    assert r.source_for(a("10.6.1.1")) == a("10.0.0.2")
    assert r.source_for(a("11.0.0.1")) is None


@pytest.mark.parametrize(
    ("network", "gateway"),
    [("10.1.0.0/16", "10.7.0.1"), ("fd01::/16", "10.0.0.1"), ("10.1.0.0/33", None), ("10.1.0.0/-1", None)],
)
def test_routes_that_cannot_be(network: str, gateway: str | None) -> None:
    with pytest.raises(ValueError, match=r"gateway|network"):
        routes("10.0.0.2/24", "fd00::2/64", via=((network, gateway),))


def test_what_no_route_covers_cannot_be_reached() -> None:
    stack = host(addresses=ADDRESSES, ip=IpConfig(routes=((a("10.2.0.0"), 16, a("10.0.0.1")),)))
    stack.connect(a("10.2.3.4"), 80, SECOND)
    for unreachable in ("10.3.3.4", "fd01::1"):
        with pytest.raises(Unreachable):
            stack.connect(a(unreachable), 80, SECOND)
        with pytest.raises(Unreachable):
            stack.connect(a(unreachable), 80, SECOND, local=stack.config.addresses[0][0])


def test_what_an_address_says_by_itself() -> None:
    assert is_multicast(a("239.0.0.1"))
    assert is_multicast(a("ff05::1"))
    assert not is_multicast(a("192.0.0.1"))
    scopes = {"fe80::1": 2, "::1": 2, "fec0::1": 5, "fd00::1": 14, "ff05::1": 5, "10.0.0.1": 14, "169.254.0.1": 2}
    assert {t: scope_of(a(t)) for t in scopes} == scopes
    assert common_prefix(a("10.0.0.1"), a("10.0.0.1")) == 32
    assert common_prefix(a("10.0.0.1"), a("10.0.0.0")) == 31
    assert common_prefix(a("fd00::"), a("2001::")) == 0


def test_addresses_may_change() -> None:
    r = routes("10.0.0.2/24", via=(("192.168.0.0/16", "10.0.0.1"),))
    with pytest.raises(ValueError, match="gateway is a neighbour"):
        r.set_addresses(((a("10.1.0.2"), 24),))
    assert r.is_own(a("10.0.0.2")), "what is refused changes nothing"
    assert r.addresses == ((a("10.0.0.2"), 24),)
    r.set_addresses(((a("10.0.0.9"), 16), (a("fd00::9"), 64)))
    assert not r.is_own(a("10.0.0.2"))
    assert r.is_source(a("10.0.0.2")), "somebody else may have it now"
    assert r.source_for(a("192.168.1.1")) == a("10.0.0.9")
    assert not r.is_unicast(a("10.0.255.255")), "the broadcast of the new network"
    assert r.source_for(a("fd00::1")) == a("fd00::9")


def test_a_host_whose_address_changes_hears_at_the_new_one_alone() -> None:
    h = host()
    listener = h.listen(bytes(4), 80, 5)
    h.set_addresses(((a("10.0.0.9"), 24),))
    for dst, answered in (("10.0.0.2", False), ("10.0.0.9", True)):
        syn = bytes(IP(src="10.0.0.1", dst=dst) / TCP(sport=5000, dport=80, flags="S"))
        h.receive(syn, SECOND)
        assert (h.poll_transmit(SECOND) is not None) is answered, dst
    assert listener.accept() is None
