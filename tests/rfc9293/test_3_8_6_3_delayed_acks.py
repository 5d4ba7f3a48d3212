"""RFC 9293 section 3.8.6.3: delayed acknowledgements."""

from rfc9293_common import DELAYING

from pystack.testing import Peer


def test_must_40_never_half_a_second(p: Peer) -> None:
    c = p.established(tcp=DELAYING)
    at = 1
    for pause in ("0 ms", "10 ms", "150 ms", "30 ms", "1 s", "600 ms"):
        c.send("PA", 10, seq=at)
        at += 10
        c.expect("A", ack=at, within="499 ms")
        p.wait(pause)


def test_must_40_not_even_when_segments_come_slowly(p: Peer) -> None:
    """The delay follows the pauses between segments, within bounds."""
    c = p.established(tcp=DELAYING)
    pause = 39
    for _ in range(8):
        c.send("A", 600)
        p.wait(f"{pause} ms")
        pause = pause * 7 // 5
    c.send("A", 600)
    p.wait("499 ms")
    assert c.ack(p.skip()[-1]) == 1 + 9 * 600


def test_shld_18_a_lone_segment_waits_for_company(p: Peer) -> None:
    c = p.established(tcp=DELAYING)
    c.send("PA", b"question")
    c.expect_nothing("30 ms")
    c.sock.send(b"answer")
    c.expect("PA", ack=9, text=b"answer")
    c.send()
    c.expect_nothing("1 s")


def test_shld_19_every_second_full_segment(p: Peer) -> None:
    c = p.established(tcp=DELAYING)
    for n in range(0, 10, 2):
        c.send("A", 1000, seq=1 + n * 1000)
        c.expect_nothing()
        c.send("A", 1000, seq=1001 + n * 1000)
        c.expect("A", ack=2001 + n * 1000)
