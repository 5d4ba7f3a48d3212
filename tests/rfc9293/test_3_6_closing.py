"""RFC 9293 section 3.6: closing a connection."""

import errno

import pytest

from pystack.sock.constants import POLLERR, POLLRDHUP
from pystack.testing import Peer


def test_must_12_an_application_can_tell_a_close_from_an_abort(p: Peer) -> None:
    closed = p.close_wait()
    assert closed.sock.recv(100) == b""
    assert closed.sock.poll() & (POLLRDHUP | POLLERR) == POLLRDHUP
    aborted = p.established()
    aborted.send("R")
    assert aborted.sock.poll() & POLLERR
    with pytest.raises(OSError) as caught:
        aborted.sock.recv(100)
    assert caught.value.errno == errno.ECONNRESET
