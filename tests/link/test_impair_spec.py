"""How impairments are written on the command line."""

from typing import Any

import pytest

from pystack.link.bursts import GilbertElliott
from pystack.link.codel import CoDel
from pystack.link.impair import Impairments, PathImpairments
from pystack.link.impairspec import parse_impairments
from pystack.link.queues import Limit
from pystack.link.red import Red

MS = 1_000_000
NONE = Impairments()


def both(**fields: Any) -> PathImpairments:
    one = Impairments(**fields)
    return PathImpairments(inbound=one, outbound=one)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss=3%", both(loss=0.03)),
        ("loss=0.03", both(loss=0.03)),
        ("loss=.5", both(loss=0.5)),
        ("loss=1", both(loss=1.0)),
        ("loss=100%", both(loss=1.0)),
        ("loss=0", both()),
        ("delay=40ms", both(delay=40 * MS)),
        ("delay=0.5 s", both(delay=500 * MS)),
        ("delay=250us,jitter=1h", both(delay=250_000, jitter=3_600_000 * MS)),
        ("rate=20Mbit", both(rate=20_000_000)),
        ("rate=20 Mbit/s", both(rate=20_000_000)),
        ("rate=1.5mbit,queue=10ms", both(rate=1_500_000, queue=Limit(time=10 * MS))),
        ("rate=8kbit,queue=1kB", both(rate=8000, queue=Limit(size=1000))),
        ("rate=1Gbit,queue=0B", both(rate=1_000_000_000, queue=Limit(size=0))),
        ("rate=1Gbit,queue=64 packets", both(rate=1_000_000_000, queue=Limit(packets=64))),
        ("rate=1Gbit,queue=1packet", both(rate=1_000_000_000, queue=Limit(packets=1))),
        ("dup=1%", both(duplicate=0.01)),
        ("duplicate=1%,garble=2%", both(duplicate=0.01, garble=0.02)),
        ("mtu=1280", both(mtu=1280)),
        ("mtu=1.5kB", both(mtu=1500)),
        ("burst=1%,calm=25%", both(burst=GilbertElliott(p=0.01, r=0.25))),
        (
            "burst=1%,calm=25%,bad=0.9,good=0.1%",
            both(burst=GilbertElliott(p=0.01, r=0.25, bad=0.9, good=0.001)),
        ),
        ("rate=1Mbit,aqm=codel", both(rate=1_000_000, aqm=CoDel())),
        ("aqm=red,rate=1Mbit", both(rate=1_000_000, aqm=Red())),
        (
            "rate=1Mbit,aqm=codel,target=10ms,interval=1s,ecn=on",
            both(rate=1_000_000, aqm=CoDel(target=10 * MS, interval=1000 * MS, ecn=True)),
        ),
        (
            "rate=1Mbit,aqm=red,min_th=3,max_th=9 packets,max_p=5%,w_q=0.01,ecn=off",
            both(rate=1_000_000, aqm=Red(min_th=3, max_th=9, max_p=0.05, w_q=0.01)),
        ),
        ("in:loss=1%", PathImpairments(inbound=Impairments(loss=0.01), outbound=NONE)),
        ("out: loss = 1% ; seed = 7", PathImpairments(inbound=NONE, outbound=Impairments(loss=0.01), seed=7)),
        (
            "delay=1ms;in:loss=1%;out:loss=2%",
            PathImpairments(inbound=Impairments(loss=0.01, delay=MS), outbound=Impairments(loss=0.02, delay=MS)),
        ),
        (
            "in:loss=3%,delay=40ms,jitter=5ms,reorder=1%,dup=1%,corrupt=0.1%,rate=20Mbit;out:corrupt=0.25;seed=0",
            PathImpairments(
                inbound=Impairments(
                    loss=0.03,
                    delay=40 * MS,
                    jitter=5 * MS,
                    reorder=0.01,
                    duplicate=0.01,
                    corrupt=0.001,
                    rate=20_000_000,
                ),
                outbound=Impairments(corrupt=0.25),
            ),
        ),
    ],
)
def test_what_is_written(text: str, expected: PathImpairments) -> None:
    assert parse_impairments(text) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "'' is no KEY=VALUE"),
        ("loss", "'loss' is no KEY=VALUE"),
        ("loss=", "'loss=' is no KEY=VALUE"),
        ("=3%", "'=3%' is no KEY=VALUE"),
        ("loss=3%;", "'' is no KEY=VALUE"),
        ("loss=3%,,delay=1ms", "'' in 'loss=3%,,delay=1ms'"),
        ("up:loss=3%", "'up' is no direction: there are in and out"),
        ("los=3%", "los=3%: there is no los; the keys are loss, burst,"),
        ("dup=3%,duplicate=3%", "duplicate=3%: duplicate is given twice for in"),
        ("in:Loss=3%", "in:Loss=3%: there is no Loss"),
        ("loss=3", "loss=3: '3' is more than 1; percent are written 3%"),
        ("in:corrupt=101%", "in:corrupt=101%: '101%' is more than 100%"),
        ("loss=-1%", "'-1%' is no probability"),
        ("dup=nan", "'nan' is no probability"),
        ("reorder=1e-3", "'1e-3' is no probability"),
        ("delay=40", "delay=40: '40' is no time such as 40ms; the units are ns, us, ms, s"),
        ("delay=40m", "'40m' is no time"),
        ("delay=-4ms", "'-4ms' is no time"),
        ("jitter=0.5ns", "'0.5ns' is no whole number of nanoseconds"),
        ("jitter=2h", "'2h' is more than 1h"),
        ("rate=20Mbps", "'20Mbps' is no rate such as 20Mbit; the units are bit, kbit, Mbit, Gbit"),
        ("rate=0Mbit", "rate=0Mbit: nothing would ever get through"),
        ("rate=1Mbit/h", "'1Mbit/h' is no rate"),
        ("delay=5ms/s", "'5ms/s' is no time"),
        ("rate=1Mbit,queue=5", "queue=5: '5' is no limit of a queue such as 200ms, 100kB or 64packets"),
        ("rate=1Mbit,queue=0.5packets", "queue=0.5packets: '0.5packets' is no whole number of packets"),
        ("rate=1Mbit,queue=2h", "'2h' is more than 1h"),
        ("mtu=0", "mtu=0: nothing would ever get through"),
        ("mtu=1280ms", "'1280ms' is no size"),
        ("burst=1%", "bursts of loss need both burst and calm"),
        ("in:burst=1%;out:calm=1%", "bursts of loss need both burst and calm"),
        ("bad=1%", "bursts of loss need both burst and calm"),
        ("aqm=codel", "aqm needs a rate in the same direction"),
        ("rate=1Mbit,aqm=fifo", "aqm=fifo: there is no fifo to manage a queue: there are codel and red"),
        ("rate=1Mbit,target=5ms", "target needs aqm=codel in the same direction"),
        ("rate=1Mbit,aqm=red,target=5ms", "target needs aqm=codel in the same direction"),
        ("rate=1Mbit,aqm=codel,w_q=1%", "w_q needs aqm=red in the same direction"),
        *(
            (f"rate=1Mbit,aqm=codel,{key}=1", f"{key} needs aqm=red in the same direction")
            for key in ("min_th", "max_th", "max_p")
        ),
        ("rate=1Mbit,aqm=red,interval=5ms", "interval needs aqm=codel in the same direction"),
        ("rate=1Mbit,ecn=on", "ecn needs aqm=codel or aqm=red in the same direction"),
        ("rate=1Mbit,aqm=codel,ecn=yes", "ecn=yes: 'yes' is neither on nor off"),
        ("rate=1Mbit,aqm=red,max_th=5", "max_th is more than min_th, and 5 is not more than 5"),
        ("rate=1Mbit,aqm=codel,interval=0ms", "interval is an integer of 1 or more"),
        ("queue=10ms", "queue needs a rate"),
        ("in:rate=1Mbit;queue=10kB", "queue needs a rate"),
        ("loss=1%,loss=2%", "loss=2%: loss is given twice for in"),
        ("out:loss=1%;loss=2%", "loss=2%: loss is given twice for out"),
        ("in:seed=7", "in:seed=7: there is one seed"),
        ("seed=7;seed=8", "seed=8: there is one seed"),
        ("seed=x", "seed=x: a seed is a number from 0"),
        ("seed=-1", "seed=-1: a seed is a number from 0"),
        (f"seed={1 << 64}", "a seed is a number from 0 to 18446744073709551615"),
        ("seed=" + "9" * 5000, "a seed is a number"),
        ("delay=" + "9" * 5000 + "s", "is no time"),
    ],
)
def test_what_is_wrong_is_named(text: str, named: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_impairments(text)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, Impairments()),
        (
            {"rate": "20 Mbit/s", "delay": "40 ms", "queue": "64 packets", "loss": 0.01},
            Impairments(rate=20_000_000, delay=40 * MS, queue=Limit(packets=64), loss=0.01),
        ),
        ({"loss": "1 %", "dup": "2%"}, Impairments(loss=0.01, duplicate=0.02)),
        (
            {"rate": 8000, "queue": 64, "delay": 5, "mtu": 1280},
            Impairments(rate=8000, queue=Limit(packets=64), delay=5, mtu=1280),
        ),
        ({"rate": 8000, "queue": Limit(packets=1, time=9)}, Impairments(rate=8000, queue=Limit(packets=1, time=9))),
        ({"rate": 8000, "aqm": "codel", "ecn": True}, Impairments(rate=8000, aqm=CoDel(ecn=True))),
        ({"rate": 8000, "aqm": Red(max_p=0.5)}, Impairments(rate=8000, aqm=Red(max_p=0.5))),
        ({"burst": 0.1, "calm": "50%"}, Impairments(burst=GilbertElliott(p=0.1, r=0.5))),
        ({"burst": GilbertElliott(p=0.1, r=0.5)}, Impairments(burst=GilbertElliott(p=0.1, r=0.5))),
    ],
)
def test_what_programs_write(values: dict[str, object], expected: Impairments) -> None:
    assert Impairments.of(**values) == expected


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"los": 0.1}, "there is no los; the keys are loss, burst,"),
        ({"los": "1%"}, "there is no los; the keys are loss, burst,"),
        ({"delay": "40"}, "delay=40: '40' is no time such as 40ms"),
        ({"delay": 0.04}, "delay is an integer that is not negative, and 0.04 is none"),
        ({"loss": 3}, "loss is a probability from 0 to 1, and 3 is none"),
        ({"rate": 0, "queue": 5}, "queue needs a rate"),
        ({"rate": 8000, "queue": 5.5}, "queue is a Limit, and 5.5 is none"),
        ({"rate": 8000, "queue": -5}, "the packets of a queue is an integer that is not negative"),
        ({"rate": 8000, "aqm": "fifo"}, "there is no fifo to manage a queue"),
        ({"rate": 8000, "aqm": 7}, "there is no 7 to manage a queue"),
        ({"rate": 8000, "aqm": CoDel(), "ecn": True}, "aqm says all of it: ecn cannot be beside it"),
        ({"burst": GilbertElliott(p=0.1, r=0.5), "bad": 1}, "burst says all of it"),
        ({"burst": 7, "calm": 0.5}, "p is a probability from 0 to 1, and 7 is none"),
        ({"seed": 7}, "there is no seed"),
        ({"dup": 0.1, "duplicate": 0.1}, "duplicate is given twice"),
    ],
)
def test_what_programs_write_wrong_is_named(values: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError) as caught:
        Impairments.of(**values)
    assert named in str(caught.value)
