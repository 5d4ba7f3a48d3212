"""How faults are written on the command line."""

import pytest

from pystack.link.faults import (
    AckUnreceived,
    AckUnsent,
    BlackHole,
    BleachEce,
    BleachEcn,
    BleachOptions,
    CloseWindow,
    CorruptText,
    Delay,
    Drop,
    Duplicate,
    HalfOpen,
    Merge,
    Reset,
    Split,
    Stall,
    parse_faults,
)

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("drop=syn#1", [Drop("syn", 1)]),
        ("in:drop=resent", [Drop("resent", direction="in")]),
        ("out: drop = fin # 2", [Drop("fin", 2, direction="out")]),
        ("delay=data#3/2s", [Delay("data", 3, time=2 * SECOND)]),
        ("delay=any/0s", [Delay("any", time=0)]),
        ("dup=any;in:corrupt=data#1", [Duplicate("any"), CorruptText("data", 1, direction="in")]),
        ("ack-unsent=ack#1/1kB", [AckUnsent("ack", 1, by=1000)]),
        ("in:ack-unreceived=any", [AckUnreceived("any", direction="in")]),
        ("split=1B,merge=2KiB", [Split(1), Merge(2048)]),
        ("out:black-hole=1400B", [BlackHole(1400, direction="out")]),
        ("bleach=ecn,bleach=ece,bleach=all", [BleachEcn(), BleachEce(), BleachOptions("all")]),
        ("in:strip=timestamps", [BleachOptions("timestamps", remove=True, direction="in")]),
        ("close-window=0B;out:stall=1MB", [CloseWindow(0), Stall(1_000_000, direction="out")]),
        ("reset=1B,reset=2B/receiver,reset=3B/sender", [Reset(1), Reset(2, to="receiver"), Reset(3, to="sender")]),
        ("in:vanish=1kB;out:reboot=2kB", [HalfOpen(1000), HalfOpen(2000, gone="out", returns=True)]),
        (
            "drop=syn#1;in:drop=syn#1,drop=fin#1",
            [Drop("syn", 1), *(Drop(k, 1, direction="in") for k in ("syn", "fin"))],
        ),
    ],
)
def test_what_is_written(text: str, expected: list[object]) -> None:
    found = parse_faults(text)
    assert [type(fault) for fault in found] == [type(fault) for fault in expected]
    assert [vars(fault) for fault in found] == [vars(fault) for fault in expected]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "'' is no KEY=VALUE"),
        ("drop", "'drop' is no KEY=VALUE"),
        ("up:drop=syn", "'up' is no direction: there are in and out"),
        ("loose=syn#1", "loose=syn#1: there is no loose; the keys are drop, delay, dup,"),
        ("in:Drop=syn", "in:Drop=syn: there is no Drop"),
        ("drop=synack", "drop=synack: there are no segments of the kind 'synack'; there are syn, fin, rst, ack, data,"),
        ("drop=syn#", "drop=syn#: 'syn#' is no choice such as data#3"),
        ("drop=syn#x", "'syn#x' is no choice such as data#3"),
        ("drop=syn#-1", "'syn#-1' is no choice such as data#3"),
        ("drop=syn#0", "drop=syn#0: segments are counted from 1, and 0 is less"),
        ("delay=data#3/", "'data#3/' has not two parts"),
        ("delay=/2s", "'/2s' has not two parts"),
        ("drop=syn#" + "9" * 5000, "is no choice such as data#3"),
        ("delay=data#3", "delay=data#3: 'data#3' has not two parts, as data#3/2s has"),
        ("delay=data#3/2", "delay=data#3/2: '2' is no time such as 40ms"),
        ("delay=data#3/2s/3s", "'2s/3s' is no time"),
        ("delay=text#3/2s", "there are no segments of the kind 'text'"),
        ("ack-unsent=ack#1", "'ack#1' has not two parts, as ack#1/1kB has"),
        ("ack-unsent=ack/0B", "0 bytes beyond is no number that can be told"),
        ("ack-unsent=ack/3GB", "3000000000 bytes beyond is no number that can be told"),
        ("split=0B", "split=0B: a segment of text has at least 1 byte, and 0 is less"),
        ("merge=1B", "two segments have at least 2 bytes of text, and 1 is less"),
        ("black-hole=1400", "black-hole=1400: '1400' is no size such as 64kB; the units are B, kB,"),
        ("bleach=tcp", "bleach=tcp: there are no options 'tcp' to take away; there are sack, timestamps,"),
        ("strip=ecn", "there are no options 'ecn' to take away"),
        ("reset=1kB/client", "'client' is nobody to be reset: there are receiver, sender and, with neither, both"),
        ("reset=1k", "'1k' is no size"),
        ("stall=0.5B", "'0.5B' is no whole number of bytes"),
        ("vanish=1kB", "vanish=1kB: who vanishes? in: is the end that the stack talks to, and out: the stack"),
        ("reboot=1kB", "reboot=1kB: who vanishes?"),
    ],
)
def test_what_is_wrong_is_named(text: str, named: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_faults(text)
    assert named in str(caught.value)


def test_what_python_may_say_and_the_command_line_cannot() -> None:
    for make, named in (
        (lambda: Drop("syn", direction="up"), "'up' is no direction"),  # type: ignore[arg-type]
        (lambda: BleachEcn("up"), "'up' is no direction"),  # type: ignore[arg-type]
        (lambda: Delay("syn", time=-1), "a delay is not negative, as -1 is"),
        (lambda: AckUnsent("ack", by=1 << 31), "give from 1 to 2147483647"),
        (lambda: BlackHole(-1), "no packet has -1 bytes"),
        (lambda: Stall(-1), "-1 bytes of text cannot be counted"),
        (lambda: CloseWindow(-1), "-1 bytes of text cannot be counted"),
        (lambda: Reset(1, to="all"), "'all' is nobody to be reset"),  # type: ignore[arg-type]
        (lambda: HalfOpen(1, gone="both"), "'both' is no end that vanishes"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError) as caught:
            make()
        assert named in str(caught.value)
