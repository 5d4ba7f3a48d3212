"""RFC 9293 section 3.9.1.8: asynchronous reports."""

from rfc9293_common import BLOCKED, HOST_UNREACHABLE, error

from pystack.tcp.events import Event
from pystack.tcp.icmp import IcmpKind
from pystack.testing import Peer


def test_must_47_soft_errors_are_reported(p: Peer) -> None:
    c = p.established()
    c.sock.send(b"text")
    lost = c.expect("PA")
    news: list[int] = []
    c.sock.on_ready = lambda: news.append(p.now)
    p.send(error(p, lost, *HOST_UNREACHABLE))
    assert news
    assert p.events[-1][1] & Event.TROUBLE
    assert c.connection.icmp_error is not None
    assert c.connection.icmp_error.kind is IcmpKind.UNREACHABLE_HOST


def test_shld_20_an_application_that_asks_for_no_reports_gets_none(p: Peer) -> None:
    """No call fails because of one."""
    c = p.established()
    c.sock.send(b"text")
    lost = c.expect("PA")
    assert c.sock.on_ready is None
    p.send(error(p, lost, *HOST_UNREACHABLE))
    assert c.sock.take_error() == 0
    assert c.sock.recv(100) is BLOCKED
    assert c.sock.send(b"more") == 4
