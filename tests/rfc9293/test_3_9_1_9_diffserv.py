"""RFC 9293 section 3.9.1.9: the Differentiated Services field."""

from ipaddress import ip_address
from typing import Any

import pytest
from scapy.layers.inet import TCP

from pystack.sock.calls import Sock
from pystack.sock.constants import AF_INET, AF_INET6, IP_TOS, IPPROTO_IP, IPPROTO_IPV6, IPV6_TCLASS
from pystack.testing import Peer

EXPEDITED = 46 << 2


def field(packet: Any) -> int:
    return packet.tos if packet.version == 4 else packet.tc


def choose(p: Peer, sock: Sock, value: int) -> None:
    level, name = (IPPROTO_IP, IP_TOS) if p.family == 4 else (IPPROTO_IPV6, IPV6_TCLASS)
    sock.setsockopt(level, name, value)


def test_must_48_an_application_chooses_it(p: Peer) -> None:
    other = p.established()
    sock = Sock(p.host, AF_INET if p.family == 4 else AF_INET6)
    choose(p, sock, EXPEDITED)
    sock.connect(ip_address(p.address()).packed, 9, p.now)
    syn = p.expect(TCP, flags="S")
    p.send(TCP(flags="SA", seq=1))
    assert {field(packet) for packet in (syn, *p.skip())} == {EXPEDITED}
    other.sock.send(b"text")
    assert field(other.expect("PA")) == 0


def test_shld_21_and_changes_it(p: Peer) -> None:
    c = p.established()
    for value in (EXPEDITED, 8 << 2, 0):
        choose(p, c.sock, value)
        c.sock.send(b"text")
        assert field(c.expect("PA")) == value
        c.send()


@pytest.mark.parametrize("code", [0, 1, 10, 46, 63])
def test_shld_22_it_goes_to_ip_as_it_is(p: Peer, code: int) -> None:
    c = p.established()
    choose(p, c.sock, code << 2)
    c.sock.send(b"text")
    assert field(c.expect("PA")) == code << 2
