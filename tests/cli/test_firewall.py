"""What is made of rules of the kernel's firewall: by themselves, and as nft tells them of a namespace."""

import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from pystack.cli.firewall import Trouble, UnreadableRules, troubles

JUST_DROPS = "type filter hook input priority 0; policy drop;"
FIREWALLD = """
table inet firewalld {
    chain filter_IN_public_allow {
        tcp dport 22 ct state new accept
        ip6 daddr fe80::/64 udp dport 546 ct state new accept
    }
    chain filter_IN_public {
        jump filter_IN_public_allow
        meta l4proto { icmp, ipv6-icmp } accept
    }
    chain filter_IN_trusted { accept; }
    chain filter_INPUT_ZONES {
        iifname "eth0" goto filter_IN_public
        MINE
        goto filter_IN_public
    }
    chain filter_INPUT {
        type filter hook input priority 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname "lo" accept
        jump filter_INPUT_ZONES
        ct state invalid drop
        reject with icmpx admin-prohibited
    }
    chain filter_OUTPUT {
        type filter hook output priority 10; policy accept;
        ct state { established, related } accept
        oifname "lo" accept
        ip6 daddr { ::/96, 2002::/16 } reject with icmpv6 addr-unreachable
    }
}
"""


def rules(*exprs: list[Any], policy: str = "accept", hook: str = "input", family: str = "inet") -> list[Any]:
    """A ruleset of one base chain, and of a chain `other` where an expression has its name before it."""
    place = {"family": family, "table": "t"}
    found: list[Any] = [{"chain": place | {"name": "c", "hook": hook, "policy": policy}}]
    return found + [{"rule": place | {"chain": "c", "expr": expr}} for expr in exprs]


def other(*exprs: list[Any]) -> list[Any]:
    return [{"rule": {"family": "inet", "table": "t", "chain": "other", "expr": expr}} for expr in exprs]


def match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def meta(key: str, right: Any, op: str = "==") -> dict[str, Any]:
    return match({"meta": {"key": key}}, right, op)


def field(protocol: str, name: str, right: Any, op: str = "==") -> dict[str, Any]:
    return match({"payload": {"protocol": protocol, "field": name}}, right, op)


ACCEPT, REJECT, DROP, COUNT = {"accept": None}, {"reject": {}}, {"drop": None}, {"counter": {"packets": 1}}
TO_OTHER, GOES_TO_OTHER = {"jump": {"target": "other"}}, {"goto": {"target": "other"}}
OPEN = match({"ct": {"key": "state"}}, ["established", "related"], "in")
TUN = meta("iifname", "tun*")

ALL, BEGINNING, MAYBE = (True, True), (True, False), (False, False)
"""What is dropped: `certain` and `established`."""


def judged(ruleset: list[Any]) -> tuple[bool, bool] | None:
    found = troubles(ruleset)
    assert len(found) <= 1
    return (found[0].certain, found[0].established) if found else None


@pytest.mark.parametrize(
    ("ruleset", "verdict"),
    [
        ([], None),
        ([{"metainfo": {}}, *rules()], None),
        (rules(policy="drop"), ALL),
        (rules(policy="drop", family="ip6"), ALL),
        (rules(policy="drop", family="bridge"), None),
        (rules(policy="drop", hook="prerouting"), None),
        (rules(policy="drop", hook="output"), ALL),
        (rules(policy="drop", hook="forward"), ALL),
        (rules([TUN, ACCEPT], policy="drop"), None),
        (rules([TUN, COUNT, ACCEPT], [REJECT]), None),
        (rules([REJECT], [TUN, ACCEPT]), ALL),
        (rules([COUNT, REJECT]), ALL),
        (rules([meta("iifname", "eth*"), ACCEPT], [DROP]), ALL),
        (rules([meta("iifname", "lo", "!="), DROP]), ALL),
        (rules([meta("iif", "lo"), ACCEPT], policy="drop"), ALL),
        (rules([meta("iifname", {"set": ["lo", "tun0"]}), ACCEPT], policy="drop"), None),
        (rules([meta("iifname", "lo"), DROP], hook="output"), None),
        (rules([meta("oifname", "tun*"), ACCEPT], policy="drop", hook="output"), None),
        (rules([OPEN, ACCEPT], [REJECT]), BEGINNING),
        (rules([OPEN, ACCEPT], policy="drop"), BEGINNING),
        (rules([TUN, ACCEPT], [meta("oifname", "tun*"), ACCEPT], policy="drop", hook="forward"), None),
        (rules([TUN, ACCEPT], policy="drop", hook="forward"), MAYBE),
        (rules([TUN, ACCEPT], [OPEN, ACCEPT], policy="drop", hook="forward"), None),
        (rules([OPEN, ACCEPT], [meta("iifname", "eth0"), ACCEPT], policy="drop", hook="forward"), BEGINNING),
        (rules([meta("oifname", "eth0"), ACCEPT], policy="drop", hook="forward"), ALL),
        (rules([field("tcp", "dport", 22), ACCEPT], policy="drop"), ALL),
        (rules([field("tcp", "dport", {"range": [1024, 65535]}), ACCEPT], policy="drop"), None),
        (rules([field("udp", "dport", 1), DROP]), None),
        (rules([field("ip", "saddr", {"prefix": {"addr": "10.0.0.0", "len": 8}}), DROP]), ALL),
        (rules([field("ip", "saddr", {"prefix": {"addr": "10.9.0.0", "len": 16}}), DROP]), None),
        (rules([field("ip6", "saddr", "fd00:7079::2"), DROP]), ALL),
        (rules([field("ip", "protocol", "icmp"), DROP]), None),
        (rules([field("ip", "ttl", 3), DROP]), MAYBE),
        (rules([meta("l4proto", ["tcp", "udp"]), DROP]), ALL),
        (rules([meta("skuid", 0), ACCEPT], policy="drop"), MAYBE),
        (rules([meta("iifname", "@mine"), ACCEPT], policy="drop"), MAYBE),
        (rules([{"limit": {"rate": 1}}, ACCEPT], [DROP]), MAYBE),
        (rules([{"queue": None}]), MAYBE),
        (rules([{"xt": {"type": "match", "name": "conntrack"}}, ACCEPT], policy="drop"), MAYBE),
        (rules([{"xt": {"type": "match", "name": "conntrack"}}, COUNT]), None),
        (rules([{"xt": {"type": "target", "name": "LOG"}}]), None),
        (rules([{"xt": {"type": "target", "name": "REJECT"}}]), ALL),
        (rules([{"xt": {"type": "target", "name": "NFQUEUE"}}]), MAYBE),
        (rules([{"xt": None}, COUNT]), MAYBE),
        (rules([{"xt": None}, TUN, ACCEPT], [TUN, ACCEPT], policy="drop"), None),
        (rules([TO_OTHER], [REJECT]) + other([TUN, ACCEPT]), None),
        (rules([TO_OTHER], [ACCEPT], policy="drop") + other([TUN, {"return": None}], [DROP]), None),
        (rules([TO_OTHER], [ACCEPT]) + other([REJECT]), ALL),
        (rules([TO_OTHER], [REJECT]) + other([COUNT]), ALL),
        (rules([TO_OTHER, DROP]) + other(), None),
        (rules([GOES_TO_OTHER], [ACCEPT], policy="drop") + other(), ALL),
        (rules([GOES_TO_OTHER], [DROP]) + other(), None),
        (rules([{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": [["tun0", DROP]]}}}]), ALL),
        (rules([{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": [["lo", DROP]]}}}]), None),
        (rules([{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": "@zones"}}]), MAYBE),
        (rules([{"vmap": {"key": {"fib": {}}, "data": {"set": [["lo", DROP]]}}}]), MAYBE),
        (rules([TO_OTHER]) + other([TO_OTHER]), MAYBE),
    ],
)
def test_rules(ruleset: list[Any], verdict: tuple[bool, bool] | None) -> None:
    assert judged(ruleset) == verdict


@pytest.fixture
def nft(netns: Any) -> Callable[[str], list[Any]]:
    """Adds rules to the namespace, and gives all that it has."""
    if shutil.which("nft") is None:
        pytest.skip("nft is not installed")

    def add(text: str) -> list[Any]:
        inside = ("ip", "netns", "exec", netns.name, "nft")
        subprocess.run([*inside, "-f", "-"], input=text, text=True, check=True)
        told = subprocess.run([*inside, "--json", "list", "ruleset"], capture_output=True, check=True)
        return list(json.loads(told.stdout)["nftables"])

    return add


@pytest.mark.kernel
class TestWhatNftTells:
    def test_rules_as_firewalld_has_them(self, nft: Callable[[str], list[Any]]) -> None:
        trouble = Trouble("inet", "firewalld", "filter_INPUT", "input", True, False, "firewalld")
        assert troubles(nft(FIREWALLD.replace("MINE", ""))) == [trouble]

    @pytest.mark.parametrize(
        "mine", ['iifname "tun0" goto filter_IN_trusted', 'iifname vmap { "tun0" : goto filter_IN_trusted }']
    )
    def test_rules_as_firewalld_has_them_for_a_trusted_device(self, nft: Callable[[str], list[Any]], mine: str) -> None:
        assert troubles(nft(FIREWALLD.replace("MINE", mine))) == []

    def test_a_policy_and_an_exception(self, nft: Callable[[str], list[Any]]) -> None:
        (trouble,) = troubles(nft(f"table ip6 t {{ chain c {{ {JUST_DROPS} }}; }}"))
        assert trouble == Trouble("ip6", "t", "c", "input", True, True, "")
        assert troubles(nft('insert rule ip6 t c iifname "tun*" counter accept')) == []

    def test_ranges_sets_and_states(self, nft: Callable[[str], list[Any]]) -> None:
        text = """
            tcp dport 1-1023 drop
            ip saddr { 192.0.2.0/24, 10.1.0.0/16 } drop
            ct state invalid drop
            ct state vmap { established : accept, related : accept }
            meta nfproto ipv6 accept
            iif lo accept
            ip saddr 10.0.0.0/24 tcp dport { 80, 50000-60000 } accept
        """
        assert troubles(nft(f"table inet t {{ chain c {{ {JUST_DROPS}\n {text} }}; }}")) == []


def test_chains_that_many_rules_call_are_walked_once() -> None:
    """Four ways at each of fourteen levels: walked anew each time, that would be 268 million."""
    place = {"family": "inet", "table": "t"}
    maybe = {"limit": {"rate": 1, "per": "second"}}
    deep: list[Any] = rules([maybe, {"jump": {"target": "l0"}}])
    for level in range(14):
        body: dict[str, Any] = {"jump": {"target": f"l{level + 1}"}} if level < 13 else {"drop": None}
        deep += [{"rule": place | {"chain": f"l{level}", "expr": [maybe, body]}}] * 4
    (trouble,) = troubles(deep)
    assert not trouble.certain


@pytest.mark.parametrize(
    "ruleset",
    [
        ["nftables"],
        [{"rule": {"family": "inet", "table": "t", "chain": "c"}}],
        rules(["accept"]),
        rules([match({"payload": {"protocol": "ip", "field": "saddr"}}, {"prefix": {"addr": "here", "len": 8}})]),
    ],
)
def test_what_is_not_as_nft_says_it(ruleset: list[Any]) -> None:
    with pytest.raises(UnreadableRules):
        print(troubles(ruleset))
