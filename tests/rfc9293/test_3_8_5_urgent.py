"""RFC 9293 section 3.8.5: urgent data (RFC 6093)."""

import pytest
from rfc9293_common import BLOCKED
from scapy.layers.inet import TCP

from pystack.sock.constants import MSG_OOB, MSG_PEEK, POLLPRI, SO_OOBINLINE, SOL_SOCKET
from pystack.tcp.reading import read_next
from pystack.testing import Conversation, Peer


def test_must_30_both_ways(p: Peer) -> None:
    c = p.established()
    c.sock.send(b"ab!", MSG_OOB)
    c.expect("PAU", text=b"ab!", urgptr=3)
    c.send("PAU", b"cd?", urgptr=3)
    assert c.sock.recv(100) == b"cd"
    assert c.sock.recv(1, MSG_OOB) == b"?"
    c.send("PA", b"ef")
    assert c.sock.recv(100) == b"ef", "the urgent byte is no part of the stream"


def test_must_30_the_byte_stays_in_the_stream_where_it_is_asked_for(p: Peer) -> None:
    c = p.established()
    c.sock.setsockopt(SOL_SOCKET, SO_OOBINLINE, 1)
    c.send("PAU", b"cd?ef", urgptr=3)
    assert c.sock.recv(100) == b"cd"
    assert c.sock.recv(100) == b"?ef"


def test_must_31_of_any_length(p: Peer) -> None:
    """The pointer has 16 bits; each segment before the end says how far it is, or as far as can be said."""
    c = p.established(options=[("MSS", 1460), ("WScale", 8)], window=4000)
    c.sock.send(bytes(200_000), MSG_OOB)
    end = 200_001
    seen = 0
    while seen < 200_000:
        packets = p.skip()
        assert packets
        for packet in packets:
            at, urgent = c.seq(packet), bool(packet[TCP].flags.U)
            seen = at - 1 + len(packet[TCP].payload)
            assert urgent, "the peer knows from the first byte on that there is something urgent"
            assert packet[TCP].urgptr == min(end - at, 0xFFFF)
        c.send()


def test_must_31_received(p: Peer) -> None:
    c = p.established()
    c.send("AU", 1000, urgptr=3000)
    assert len(c.sock.recv(5000)) == 1000
    c.send("PAU", bytes(1999) + b"!" + b"after", urgptr=2000)
    assert len(c.sock.recv(5000)) == 1999
    assert c.sock.recv(1, MSG_OOB) == b"!"
    assert c.sock.recv(100) == b"after"


def test_must_32_the_application_is_told_at_once(p: Peer) -> None:
    c = p.established()
    news: list[int] = []
    c.sock.on_ready = lambda: news.append(c.sock.poll() & POLLPRI)
    c.send("AU", b"", urgptr=10)
    assert news == [POLLPRI]
    c.send("AU", b"", urgptr=20)
    assert news == [POLLPRI] * 2, "the pointer has advanced"
    c.send("AU", b"", urgptr=20)
    assert len(news) == 2, "and now it has not"


def remaining(c: Conversation) -> int:
    mark = c.connection.urgent
    assert mark.at is not None
    return mark.at - read_next(c.connection)


def test_must_33_how_much_is_still_to_be_read(p: Peer) -> None:
    c = p.established()
    c.sock.setsockopt(SOL_SOCKET, SO_OOBINLINE, 1)
    c.send("PAU", b"before", urgptr=9)
    assert remaining(c) == 8
    c.sock.recv(4)
    assert remaining(c) == 4
    c.send("PA", b"ab!after")
    assert c.sock.recv(100) == b"reab", "a read stops at the mark"
    assert c.connection.urgent.is_at(read_next(c.connection))
    assert c.sock.recv(100) == b"!after"
    assert c.connection.urgent.at is None
    assert c.sock.recv(1) is BLOCKED


@pytest.mark.parametrize("inline", [0, 1])
def test_must_33_whether_the_mark_has_been_reached(p: Peer, inline: int) -> None:
    """SIOCATMARK, asked before each byte that is read."""
    c = p.established()
    c.sock.setsockopt(SOL_SOCKET, SO_OOBINLINE, inline)
    assert not c.sock.at_mark()
    c.send("PAU", b"abc!de", urgptr=4)
    seen = []
    while (text := c.sock.recv(1, MSG_PEEK)) is not BLOCKED:
        seen.append((text, c.sock.at_mark()))
        assert c.sock.recv(1) == text
    before = [(b"a", False), (b"b", False), (b"c", False)]
    assert seen == [*before, *([(b"!", True), (b"d", False)] if inline else [(b"d", True)]), (b"e", False)]
    assert not c.sock.at_mark()


def test_must_62_the_pointer_names_the_octet_after(p: Peer) -> None:
    c = p.established()
    c.sock.send(b"!", MSG_OOB)
    c.expect("PAU", urgptr=1)
    c.send("PAU", b"x!y", urgptr=2)
    assert c.sock.recv(100) == b"x"
    assert c.sock.recv(1, MSG_OOB) == b"!"
