"""Source address selection, rule by rule (RFC 6724 section 5)."""

from ipaddress import ip_address

import pytest
from ip_lab import SECOND, host

from pystack.ip.config import IpConfig
from pystack.ip.source import Candidate, choose, label_of


def a(text: str) -> bytes:
    return ip_address(text).packed


def chosen(destination: str, *texts: str) -> str:
    """The source among "address/prefix", deprecated with a "!" behind it."""
    candidates = []
    for text in texts:
        address, _, prefix = text.rstrip("!").partition("/")
        candidates.append(Candidate(a(address), int(prefix or 64), text.endswith("!")))
    return str(ip_address(choose(a(destination), candidates, a(destination))))


@pytest.mark.parametrize(
    ("destination", "better", "worse"),
    [
        ("2001:db8:1::1", "2001:db8:3::1", "fe80::1"),
        ("ff05::1", "2001:db8:3::1", "fe80::1"),
        ("2001:db8:1::1", "2001:db8:1::1!", "2001:db8:2::1"),
        ("fe80::1", "fe80::2!", "2001:db8:1::1"),
        ("2001:db8:1::1", "2001:db8:1::2", "2001:db8:3::2"),
        ("2002:c633:6401::1", "2002:c633:6401:0:d5e3:7953:13eb:22e8", "2001:db8:1::2"),
    ],
)
def test_the_examples_of_the_rfc(destination: str, better: str, worse: str) -> None:
    """RFC 6724 section 10.1, but for home and temporary addresses."""
    expected = better.rstrip("!")
    assert chosen(destination, better, worse) == chosen(destination, worse, better) == expected


@pytest.mark.parametrize(
    ("rule", "destination", "better", "worse"),
    [
        ("1 before 3", "fd00::1", "fd00::1!", "fd00::2"),
        ("2 before 3", "2a00::1", "fd00::2!", "fe80::2"),
        ("3 before 6", "fd99::1", "2001:db8::2", "fd00::2!"),
        ("3 before 8", "2001:db8:1::1", "2001:db8:2::2", "2001:db8:1::2!"),
        # By bits alone fd00::2 would be nearer: 111111 against nothing.
        ("6 before 8", "ff0e::1", "2001:db8::2", "fd00::2"),
        ("3 in IPv4", "10.0.0.1", "192.0.2.1/24", "10.0.0.2/24!"),
        ("8 in IPv4", "10.0.0.1", "10.0.0.2/24", "192.0.2.1/24"),
    ],
)
def test_an_earlier_rule_decides(rule: str, destination: str, better: str, worse: str) -> None:
    expected = better.rstrip("!").partition("/")[0]
    assert chosen(destination, better, worse) == chosen(destination, worse, better) == expected, rule


def test_of_equals_the_first() -> None:
    assert chosen("2a00::1", "2001:db8:1::2", "2001:db8:2::2") == "2001:db8:1::2"
    assert chosen("8.8.8.8", "192.0.2.1/24!", "10.0.0.2/24!") == "192.0.2.1"


def test_the_default_policy_table() -> None:
    """RFC 6724 section 2.1."""
    labels = {
        "::1": 0,
        "2a00::1": 1,
        "2002::1": 2,
        "::2": 3,
        "::ffff:10.0.0.1": 4,
        "10.0.0.1": 4,
        "2001::1": 5,
        "2001:db8::1": 1,
        "fec0::1": 11,
        "3ffe::1": 12,
        "fc00::1": 13,
        "fd00::1": 13,
        "fe00::1": 1,
    }
    assert {text: label_of(a(text)) for text in labels} == labels


def test_a_host_avoids_its_deprecated_addresses() -> None:
    old, new = a("10.0.0.2"), a("10.0.0.3")
    stack = host(addresses=((old, 24), (new, 24)), ip=IpConfig(deprecated=frozenset({old})))
    assert stack.connect(a("10.0.0.1"), 80, SECOND).local == new
    assert stack.connect(a("10.0.0.1"), 80, SECOND, local=old).local == old, "it may still be asked for"
