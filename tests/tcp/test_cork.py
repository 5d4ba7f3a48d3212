"""Text that an application holds back (TCP_CORK, MSG_MORE)."""

from tcp_peer import established


def test_a_corked_tail_waits_and_full_packets_do_not() -> None:
    p = established()
    p.c.prefs.cork = True
    assert p.sends(1460 + 100) == [". 1:1461(1460) ack 1"]
    assert p.sends(100) == []
    p.c.prefs.cork = False
    p.gives(".", ack=1461)
    assert p.sent[-1].size == 200


def test_no_longer_than_200_ms() -> None:
    p = established()
    p.c.prefs.cork = True
    assert p.sends(100) == []
    assert p.waits(150_000_000) == []
    assert p.waits(60_000_000) == [(50, "P. 1:101(100) ack 1")]
    p.gives(".", ack=101)
    assert p.sends(100) == [], "the cork is still in"


def test_more_holds_until_a_send_without_it() -> None:
    p = established()
    p.c.send(bytes(100), more=True)
    assert p.takes() == []
    p.c.send(bytes(50))
    assert p.takes() == ["P. 1:151(150) ack 1"]


def test_nodelay_does_not_pull_the_cork() -> None:
    p = established()
    p.c.prefs.cork = p.c.prefs.nodelay = True
    assert p.sends(100) == []


def test_a_fin_pulls_it() -> None:
    p = established()
    p.c.prefs.cork = True
    p.sends(100)
    p.c.shutdown_write()
    assert p.takes() == ["FP. 1:101(100) ack 1"]
