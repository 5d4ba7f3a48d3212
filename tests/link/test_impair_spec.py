"""How impairments are written on the command line."""

import pytest

from pystack.link.impair import Impairments, PathImpairments
from pystack.link.impairspec import parse_impairments

MS = 1_000_000
NONE = Impairments()


def both(**fields: float) -> PathImpairments:
    one = Impairments(**fields)  # type: ignore[arg-type]
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
        ("rate=1.5mbit,queue=10ms", both(rate=1_500_000, queue=10 * MS)),
        ("rate=8kbit,queue=1kB", both(rate=8000, queue=1000 * MS)),
        ("rate=1Gbit,queue=0B", both(rate=1_000_000_000, queue=0)),
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
        ("los=3%", "los=3%: there is no los; the keys are loss, delay,"),
        ("duplicate=3%", "there is no duplicate"),
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
        ("rate=1Mbit,queue=5", "queue=5: '5' is no time"),
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
