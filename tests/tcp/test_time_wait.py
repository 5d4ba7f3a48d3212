"""What is answered in TIME-WAIT: RFC 9293 section 3.10.7.4 with RFC 5961, RFC 7323 and RFC 1337."""

import pytest

from pystack.tcp.challenge import RateLimit
from pystack.tcp.drops import Drop
from pystack.tcp.timestamps import Timestamps
from pystack.tcp.timewait import Verdict, judge
from pystack.wire.options import Options
from pystack.wire.tcp import ACK, FIN, RST, SYN, Segment

SND_NXT, RCV_NXT, RCV_WND = 5000, 1000, 100
ANSWERED = "answered"
LIMITED = "answered, but not twice at once"
SILENT = "not answered"


def answers(
    flags: int,
    seq: int = RCV_NXT,
    *,
    ack: int = SND_NXT,
    text: int = 0,
    ts_val: int | None = None,
    ts: Timestamps | None = None,
    rfc1337: bool = False,
) -> tuple[Verdict, str]:
    """The verdict on the first of two equal segments, and whether both are answered."""
    challenges = RateLimit(500)
    first, second = (
        judge(
            Segment(seq, ack, flags, 0, (bytes(text),), text, Options(ts_val=ts_val)),
            now,
            snd_nxt=SND_NXT,
            rcv_nxt=RCV_NXT,
            rcv_wnd=RCV_WND,
            ts=ts,
            challenges=challenges,
            rfc1337=rfc1337,
        )
        for now in (10, 20)
    )
    return first, {(True, True): ANSWERED, (True, False): LIMITED, (False, False): SILENT}[first.answer, second.answer]


@pytest.mark.parametrize(
    ("flags", "seq", "ack", "text", "drop", "answer"),
    [
        (ACK, 1000, 5000, 0, None, SILENT),
        (ACK, 1000, 4000, 0, None, SILENT),  # an older ACK, overtaken
        (ACK, 999, 5000, 0, Drop.OUT_OF_WINDOW, LIMITED),
        (ACK, 999, 5000, 1, Drop.OUT_OF_WINDOW, ANSWERED),  # text again: our ACK of it was lost
        (ACK, 1101, 5000, 0, Drop.OUT_OF_WINDOW, LIMITED),
        (ACK, 1000, 5001, 0, Drop.BAD_ACK, LIMITED),
        (ACK, 1000, 5000, 1, Drop.NOT_EXPECTED, SILENT),
        (ACK | FIN, 1000, 5000, 0, Drop.NOT_EXPECTED, SILENT),
        (0, 1000, 0, 0, Drop.NO_ACK, SILENT),
        (SYN, 1000, 0, 0, Drop.UNEXPECTED_SYN, LIMITED),
        (SYN | ACK, 1000, 5000, 0, Drop.UNEXPECTED_SYN, LIMITED),
        (SYN, 500, 0, 0, Drop.OUT_OF_WINDOW, LIMITED),
        (RST, 999, 0, 0, Drop.BLIND_RESET, SILENT),
        (RST, 1001, 0, 0, Drop.BLIND_RESET, LIMITED),
        (RST, 1101, 0, 0, Drop.BLIND_RESET, SILENT),
    ],
)
def test_what_is_answered(flags: int, seq: int, ack: int, text: int, drop: Drop | None, answer: str) -> None:
    verdict, found = answers(flags, seq, ack=ack, text=text)
    assert (verdict.drop, found) == (drop, answer)
    assert not verdict.restarts
    assert not verdict.ends


@pytest.mark.parametrize(
    ("flags", "seq", "text", "restarts"),
    [
        (ACK | FIN, 999, 0, True),
        (ACK | FIN, 990, 9, True),  # together with the last of its text
        (ACK | FIN, 998, 0, False),  # a FIN, but not the peer's
        (ACK | FIN, 5, 0, False),
        (ACK, 999, 1, False),
        (SYN | FIN, 998, 0, False),
    ],
)
def test_the_peers_fin_again_and_nothing_else_starts_2_msl_anew(
    flags: int, seq: int, text: int, restarts: bool
) -> None:
    """MUST-13."""
    assert answers(flags, seq, text=text)[0].restarts is restarts


def test_the_exact_reset_ends_it_unless_rfc_1337_is_obeyed() -> None:
    assert answers(RST)[0] == Verdict(None, ends=True)
    assert answers(RST, rfc1337=True) == (Verdict(Drop.BLIND_RESET), SILENT)


def recent(value: int) -> Timestamps:
    ts = Timestamps(0)
    ts.update(value, 0)
    return ts


@pytest.mark.parametrize(
    ("flags", "seq", "val", "drop", "answer", "then"),
    [
        (ACK, 1000, None, Drop.NO_TIMESTAMP, SILENT, 70),
        (ACK, 1000, 69, Drop.OLD_TIMESTAMP, LIMITED, 70),
        (ACK | FIN, 999, 69, Drop.OLD_TIMESTAMP, ANSWERED, 70),
        (ACK | FIN, 999, 75, Drop.OUT_OF_WINDOW, ANSWERED, 75),
        (ACK, 1000, 75, None, SILENT, 75),
        (ACK, 500, 75, Drop.OUT_OF_WINDOW, LIMITED, 70),
        (RST, 1001, 5, Drop.BLIND_RESET, LIMITED, 70),
    ],
)
def test_timestamps(flags: int, seq: int, val: int | None, drop: Drop | None, answer: str, then: int) -> None:
    """PAWS (RFC 7323 section 5.3), and which timestamp is echoed (section 4.3)."""
    ts = recent(70)
    verdict, found = answers(flags, seq, ts_val=val, ts=ts)
    assert (verdict.drop, found, ts.recent) == (drop, answer, then)


def test_an_old_duplicate_of_the_fin_does_not_prolong_it() -> None:
    assert answers(ACK | FIN, 999, ts_val=75, ts=recent(70))[0].restarts
    assert not answers(ACK | FIN, 999, ts_val=69, ts=recent(70))[0].restarts
