"""TCP_DEFER_ACCEPT puts off the end of a handshake, nothing else."""

import pytest

from pystack import testing
from pystack.tcp.config import SECOND, TcpConfig
from pystack.tcp.state import State

DEFERS = TcpConfig(defer_accept=30 * SECOND)


@pytest.mark.parametrize("family", [4, 6])
def test_an_ack_of_nothing_is_reset_and_the_syn_ack_goes_again(family: int) -> None:
    with testing.peer(testing.host(), family=family) as p:
        c = p.syn_received(tcp=DEFERS)
        c.send("A", ack=99999)
        (reset,) = p.skip()
        assert reset["TCP"].flags == "R"
        p.wait("4 s")
        assert [str(q["TCP"].flags) for q in p.skip()] == ["SA", "SA"]
        assert p.host.metrics["TcpExtTCPDeferAcceptDrop"] == 0


def test_a_segment_outside_of_the_window_is_no_third_of_a_handshake() -> None:
    with testing.peer(testing.host()) as p:
        c = p.syn_received(tcp=DEFERS)
        c.send("A", seq=100_000, ack=1)
        assert p.host.metrics["PystackTcpInOutOfWindow"] == 1
        assert c.state is State.SYN_RECEIVED


def test_the_third_of_a_handshake_is_put_off_until_text_comes() -> None:
    with testing.peer(testing.host()) as p:
        c = p.syn_received(tcp=DEFERS)
        c.send("A", ack=1)
        p.wait("10 s")
        assert (p.skip(), c.state) == ([], State.SYN_RECEIVED)
        assert p.host.metrics["TcpExtTCPDeferAcceptDrop"] == 1
        c.send("PA", b"text", ack=1)
        assert c.sock.recv(100) == b"text"
