"""What the kernel's firewall does to what goes between this machine and our devices, read from nft's rules.

A few packets are walked through the chains of their hook. A rule that says something about them which is not in the
rules (a limit, a set, an extension of iptables) may match or not; then both ways are walked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Final

ACCEPT, DROP = "accept", "drop"
_ON: Final = "on"
"""The chain has no verdict: its caller goes on."""

_HOOKS: Final = ("input", "output", "forward")

_DEEPEST: Final = 32
"""Chains that call each other; the kernel takes 16."""

Packet = Mapping[str, object]
"""What is known of a packet, by nft's words (`iifname`, `ip saddr`, `ct state`)."""

_Chain = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A base chain that drops some of our packets, or of which that cannot be told."""

    family: str
    table: str
    chain: str
    hook: str
    certain: bool
    established: bool
    """Whether packets of open connections are certainly dropped too, and not those alone that begin something."""
    manager: str
    """Whose rules these are: "firewalld", "ufw", or empty."""


class UnreadableRules(Exception):
    """The list is not what nft gives, as far as we know nft."""


def troubles(ruleset: Sequence[Mapping[str, Any]]) -> list[Trouble]:
    """Judges the list of `nft --json list ruleset`. Of several chains at one hook each must let a packet pass. Raises
    `UnreadableRules`.
    """
    try:
        return list(_Walk(ruleset).troubles())
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UnreadableRules from error


def _packets(hook: str) -> Iterator[Packet]:
    """Those that `serve`, `nc` and `ping` need: of open connections, and such as begin something."""
    for established in (True, False):
        for version, ours, kernels in ((4, "10.0.0.2", "10.0.0.1"), (6, "fd00:7079::2", "fd00:7079::1")):
            if hook in ("input", "forward"):
                yield _packet(version, "iif", ours, kernels, established, hook)
            if hook == "output" or (hook == "forward" and established):
                yield _packet(version, "oif", kernels, ours, established, hook)


def _packet(version: int, device: str, source: str, destination: str, established: bool, hook: str) -> Packet:
    name = "ip" if version == 4 else "ip6"
    packet = {
        "version": version,
        f"meta {device}": "tun0",
        f"meta {device}name": "tun0",
        "meta nfproto": f"ipv{version}",
        "meta protocol": name,
        "meta l4proto": "tcp",
        "ip protocol": "tcp" if version == 4 else None,
        "ip6 nexthdr": "tcp" if version == 6 else None,
        # Neither is a port that rules would name.
        "tcp sport": 54_321,
        "tcp dport": 54_322,
        "ct state": "established" if established else "new",
        "ct status": "confirmed",
    }
    if hook != "forward" or device == "iif":
        packet[f"{name} saddr"] = source
    if hook != "forward" or device == "oif":
        packet[f"{name} daddr"] = destination
    if hook != "forward":
        other = "oif" if device == "iif" else "iif"
        packet |= {f"meta {other}": None, f"meta {other}name": None}
    return packet


class _Walk:
    def __init__(self, ruleset: Sequence[Mapping[str, Any]]) -> None:
        self._bases = [c for item in ruleset if (c := item.get("chain")) and c.get("hook") in _HOOKS]
        self._rules: dict[_Chain, list[list[Any]]] = {}
        self._known: dict[tuple[_Chain, int], set[str]] = {}
        """The ends that were found, by chain and packet: many rules may call one chain."""
        for item in ruleset:
            if rule := item.get("rule"):
                self._rules.setdefault((rule["family"], rule["table"], rule["chain"]), []).append(rule["expr"])

    def troubles(self) -> Iterator[Trouble]:
        for base in self._bases:
            key = base["family"], base["table"], base["name"]
            policy = base.get("policy", ACCEPT)
            packets = [p for p in _packets(base["hook"]) if base["family"] in ("inet", _name_of(p))]
            ends = [(p, {policy if end == _ON else end for end in self._ends(key, p)}) for p in packets]
            self._known.clear()  # their packets go
            bad = [(p, found) for p, found in ends if DROP in found]
            sure = [p for p, found in bad if ACCEPT not in found]
            if bad:
                established = any(p["ct state"] == "established" for p in sure)
                yield Trouble(*key, base["hook"], bool(sure), established, self._manager(key))

    def _manager(self, key: _Chain) -> str:
        if key[1] == "firewalld":
            return "firewalld"
        targets = [
            str(s.get("jump", {}).get("target")) for rule in self._rules.get(key, ()) for s in rule if "jump" in s
        ]
        return "ufw" if any(target.startswith("ufw") for target in targets) else ""

    def _ends(self, chain: _Chain, packet: Packet, depth: int = 0) -> set[str]:
        """Every end that the packet may have in this chain."""
        known = self._known.get((chain, id(packet)))
        if known is None:
            known = {ACCEPT, DROP} if depth > _DEEPEST else self._walk(chain, packet, depth)
            self._known[chain, id(packet)] = known
        return known

    def _walk(self, chain: _Chain, packet: Packet, depth: int) -> set[str]:
        ends: set[str] = set()
        for rule in self._rules.get(chain, ()):
            matches, verdict = _read(rule, packet)
            if matches is False or verdict is None:
                continue
            word, target = verdict
            if word in ("jump", "goto"):
                found = self._ends((*chain[:2], target), packet, depth + 1)
                # A called chain gives back, one that was gone to does not.
                decided = found if word == "goto" else found - {_ON}
                sure = matches is True and (word == "goto" or _ON not in found)
            else:
                decided = {ACCEPT, DROP, _ON} if word == "unknown" else {word}
                sure = matches is True and word != "unknown"
            ends |= decided
            if sure:
                return ends
        return ends | {_ON}


def _read(rule: Sequence[Mapping[str, Any]], packet: Packet) -> tuple[bool | None, tuple[str, str] | None]:
    """Whether the rule matches (None: it may), and its verdict: a word, and a chain for "jump" and "goto"."""
    sure: bool | None = True
    unclear = False
    for statement in rule:
        for word, what in statement.items():
            if word == "match":
                found = _matches(what, packet)
                if found is False:
                    return False, None
                sure = sure if found else None
            elif word == "vmap":
                matched, verdict = _look_up(what, packet)
                return (sure if matched else matched), verdict
            elif word == "limit" or (word == "xt" and not _is_target(what)):
                sure = None
                unclear = unclear or what is None  # older versions do not say whether it is a match or a target
            elif (verdict := _verdict(word, what)) is not None:
                return sure, verdict
    return sure, ("unknown", "") if unclear else None


def _is_target(extension: Any) -> bool:
    return isinstance(extension, Mapping) and extension.get("type") == "target"


def _verdict(word: str, what: Any) -> tuple[str, str] | None:
    if word in (ACCEPT, DROP):
        return word, ""
    if word == "reject":
        return DROP, ""
    if word == "return":
        return _ON, ""
    if word in ("jump", "goto"):
        return word, what["target"]
    if word == "queue":
        return "unknown", ""
    if word == "xt":
        name = what.get("name")
        return (DROP, "") if name == "REJECT" else None if name in ("LOG", "NFLOG", "MARK") else ("unknown", "")
    return None  # it counts, logs, marks


def _look_up(what: Mapping[str, Any], packet: Packet) -> tuple[bool | None, tuple[str, str] | None]:
    """A verdict map: whether an element fits, and what it says."""
    data = what["data"]
    if not isinstance(data, Mapping) or "set" not in data:
        return None, ("unknown", "")
    for keys, statement in data["set"]:
        fits = True if keys == "*" else _matches({"op": "==", "left": what["key"], "right": keys}, packet)
        if fits is None:
            return None, ("unknown", "")
        if fits:
            return True, next((v for word, to in statement.items() if (v := _verdict(word, to))), None)
    return False, None


def _matches(match: Mapping[str, Any], packet: Packet) -> bool | None:
    """Whether a packet has what a rule asks for; None where that cannot be told."""
    known, value = _value(match["left"], packet)
    if not known:
        return None
    if value is None:
        return False  # another protocol's field, which this packet has not
    fits = _fits(value, match["right"])
    if fits is None or match.get("op") not in ("==", "in", "!="):
        return None
    return not fits if match["op"] == "!=" else fits


def _value(left: Any, packet: Packet) -> tuple[bool, object]:
    """Whether a packet's value of an expression is known, and the value."""
    if not isinstance(left, Mapping):
        return False, None
    for kind in ("meta", "ct"):
        if isinstance(what := left.get(kind), Mapping):
            name = f"{kind} {what.get('key')}"
            return name in packet, packet.get(name)
    if isinstance(what := left.get("payload"), Mapping) and "protocol" in what:
        protocol = what["protocol"]
        if protocol in ("ip", "ip6", "tcp"):
            name = f"{protocol} {what['field']}"
            return name in packet or protocol not in ("tcp", _name_of(packet)), packet.get(name)
        return protocol not in ("th", "ether"), None
    return False, None


def _name_of(packet: Packet) -> str:
    return "ip" if packet["version"] == 4 else "ip6"


def _fits(value: object, right: Any) -> bool | None:
    if isinstance(right, list):
        return _any(_fits(value, one) for one in right)
    if isinstance(right, Mapping):
        if "set" in right:
            return _fits(value, right["set"])
        if "prefix" in right:
            network = ip_network(f"{right['prefix']['addr']}/{right['prefix']['len']}", strict=False)
            return ip_address(str(value)) in network
        if "range" in right:
            low, high = right["range"]
            if isinstance(value, int) and isinstance(low, int) and isinstance(high, int):
                return low <= value <= high
            return None
        return None
    if isinstance(right, str) and right.startswith("@"):
        return None
    if isinstance(right, str) and right.endswith("*"):
        return str(value).startswith(right[:-1])
    return bool(value == right)


def _any(found: Iterator[bool | None]) -> bool | None:
    values = list(found)
    return True if True in values else None if None in values else False
