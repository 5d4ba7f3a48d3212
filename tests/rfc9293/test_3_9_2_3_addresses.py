"""RFC 9293 section 3.9.2.3: validating the remote address."""

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

from pystack.testing import Peer


@pytest.mark.parametrize(
    ("v4", "v6"), [("10.0.0.255", "ff02::1"), ("255.255.255.255", "ff02::1"), ("224.0.0.1", "ff02::1:ff00:2")]
)
def test_must_57_a_syn_to_a_group_is_dropped(p: Peer, v4: str, v6: str) -> None:
    port = p.syn_received().listener.getsockname()[1]
    ip = IP(dst=v4) if p.family == 4 else IPv6(dst=v6)
    p.send(ip / TCP(sport=7, dport=port, flags="S"))
    p.expect_nothing()
    assert len(p.host.endpoints()) == 1


@pytest.mark.parametrize(
    ("v4", "v6"),
    [
        ("10.0.0.255", "ff02::1"),
        ("255.255.255.255", "ff0e::1"),
        ("224.0.0.1", "::"),
        ("0.0.0.0", "::1"),
        ("127.0.0.1", "::1"),
        ("10.0.0.2", "fd00::2"),
    ],
)
def test_must_63_a_syn_from_where_nobody_can_be(p: Peer, v4: str, v6: str) -> None:
    port = p.syn_received().listener.getsockname()[1]
    ip = IP(src=v4) if p.family == 4 else IPv6(src=v6)
    p.send(ip / TCP(sport=7, dport=port, flags="S"))
    p.expect_nothing()
    assert len(p.host.endpoints()) == 1
