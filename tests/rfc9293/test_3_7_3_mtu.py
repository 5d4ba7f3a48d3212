"""RFC 9293 section 3.7.3: interfaces with a variable MTU."""

from scapy.layers.inet import TCP

from pystack.testing import Peer


def announced(p: Peer) -> int:
    return dict(p.heard[-1].packet[TCP].options)["MSS"]


def test_shld_6_the_mss_is_that_of_the_smallest_mtu(p: Peer) -> None:
    """The device's, as it is now: what a new connection announces fits, and what an old one sends does too."""
    headers = 40 if p.family == 4 else 60
    old = p.established()
    p.host.set_mtu(1280, p.now)
    p.syn_received()
    assert announced(p) == 1280 - headers
    p.syn_sent()
    assert announced(p) == 1280 - headers
    old.sock.send(bytes(5000))
    assert max(len(packet) for packet in p.skip()) == 1280
