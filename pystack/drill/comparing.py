"""Whether a packet of the stack is the one that a script expects. Both are in the script's numbers."""

from collections import Counter
from dataclasses import replace
from typing import Final

from pystack.drill import icmpnames
from pystack.drill.flags import ACE_BITS, ace_of, flags_text
from pystack.drill.flow import Stamps, difference
from pystack.drill.script import Icmp, IpInfo, Packet, Tcp, TcpOption, Udp
from pystack.drill.settings import Relaxed
from pystack.drill.wireform import ECN_MARKS
from pystack.wire.tcp import ACK, CWR, FIN, PSH, RST, SYN, URG

_ECN_BITS: Final = 3
_ECT: Final = (1, 2)
_MUST_AGREE: Final = SYN | RST | ACK | URG | ACE_BITS & ~CWR


class Labels:
    """Flow labels: equal ones in the script are equal on the wire, and others are not."""

    def __init__(self) -> None:
        self._live: dict[int, int] = {}
        self._script: dict[int, int] = {}

    def agree(self, script: int, live: int) -> bool:
        """Whether the label `live` may be the one that the script calls `script`."""
        return (
            live != 0
            and self._live.setdefault(script, live) == live
            and self._script.setdefault(live, script) == script
        )


def problems_of(expected: Packet, actual: Packet, relaxed: Relaxed, labels: Labels, is_ipv6: bool) -> list[str]:
    """What is wrong, field by field; empty where nothing is. Timestamps are another matter: `stamp_problem`."""
    if type(expected.body) is not type(actual.body):
        return ["it is of another protocol"]
    problems = _ip_problems(expected.ip, actual.ip, labels)
    match expected.body, actual.body:
        case Tcp() as wanted, Tcp() as got:
            problems += _tcp_problems(wanted, got, relaxed)
        case Udp(wanted_size), Udp(got_size) if wanted_size != got_size:
            problems.append(f"length: {got_size}, not {wanted_size}")
        case Icmp() as wanted_icmp, Icmp() as got_icmp:
            if _numbers(wanted_icmp, is_ipv6) != _numbers(got_icmp, is_ipv6):
                problems.append("type or code")
        case _:
            pass
    return problems


def _numbers(message: Icmp, is_ipv6: bool) -> tuple[int, int]:
    return icmpnames.numbers_of(message.type, message.code, is_ipv6)


def _ip_problems(expected: IpInfo, actual: IpInfo, labels: Labels) -> list[str]:
    problems = []
    mark = (actual.tos or 0) & _ECN_BITS
    if expected.ecn is not None:
        allowed = _ECT if expected.ecn == "ect01" else (ECN_MARKS[expected.ecn],)
        if mark not in allowed:
            problems.append(f"ECN bits: {_ecn_word(mark)}, not {expected.ecn}")
    if expected.tos is not None and actual.tos != expected.tos:
        problems.append(f"tos: {actual.tos:#x}, not {expected.tos:#x}")
    if expected.ttl is not None and actual.ttl != expected.ttl:
        problems.append(f"ttl: {actual.ttl}, not {expected.ttl}")
    if expected.flow_label is not None and not labels.agree(expected.flow_label, actual.flow_label or 0):
        problems.append(f"flowlabel: {actual.flow_label or 0:#x} does not stand for {expected.flow_label:#x}")
    return problems


def _ecn_word(mark: int) -> str:
    return next(word for word, bits in ECN_MARKS.items() if bits == mark)


def shown_like(actual: Packet, expected: Packet) -> Packet:
    """`actual` with no more about its IP header than `expected` has, to be shown below it."""
    asked, got = expected.ip, actual.ip
    ip = IpInfo(
        ecn=None if asked.ecn is None else _ecn_word((got.tos or 0) & _ECN_BITS),
        tos=None if asked.tos is None else got.tos,
        ttl=None if asked.ttl is None else got.ttl,
        flow_label=None if asked.flow_label is None else got.flow_label,
    )
    body = actual.body
    if isinstance(body, Tcp):
        wanted = expected.body
        by_digit = isinstance(wanted, Tcp) and wanted.ace is not None
        body = replace(
            body,
            flags=body.flags & ~ACE_BITS if by_digit else body.flags,
            ace=ace_of(body.flags) if by_digit else None,
            ack=body.ack if body.flags & ACK or body.ack else None,
            urg=body.urg or None,
            ports=body.ports if isinstance(wanted, Tcp) and wanted.ports else None,
        )
    return replace(actual, body=body, ip=ip)


def _tcp_problems(expected: Tcp, actual: Tcp, relaxed: Relaxed) -> list[str]:
    problems = []
    if expected.ports is not None and expected.ports != actual.ports:
        problems.append("ports")
    problems += _flag_problems(expected, actual, relaxed)
    if expected.seq != actual.seq:
        problems.append(f"sequence number: {actual.seq}, not {expected.seq}")
    if expected.size != actual.size:
        problems.append(f"length: {actual.size}, not {expected.size}")
    if (expected.ack or 0) != (actual.ack or 0):
        problems.append(f"acknowledgement number: {actual.ack or 0}, not {expected.ack or 0}")
    if expected.win is not None and not relaxed.win and expected.win != actual.win:
        problems.append(f"window: {actual.win}, not {expected.win}")
    if (expected.urg or 0) != (actual.urg or 0):
        problems.append(f"urgent pointer: {actual.urg or 0}, not {expected.urg or 0}")
    if expected.options is not None:
        problems += _option_problems(expected.options, actual.options or (), relaxed)
    return problems


def _flag_problems(expected: Tcp, actual: Tcp, relaxed: Relaxed) -> list[str]:
    ignored = PSH if relaxed.psh and expected.size else 0
    if expected.ace is not None:
        if ace_of(actual.flags) != expected.ace:
            return [f"AccECN number: {ace_of(actual.flags)}, not {expected.ace}"]
        ignored |= ACE_BITS
    if (expected.flags ^ actual.flags) & ~ignored:
        return [f"flags: {flags_text(actual.flags & ~ignored)}, not {flags_text(expected.flags & ~ignored)}"]
    return []


def _option_problems(expected: tuple[TcpOption, ...], actual: tuple[TcpOption, ...], relaxed: Relaxed) -> list[str]:
    wanted, got = list(map(_without_stamps, expected)), list(map(_without_stamps, actual))
    for at, option in enumerate(expected):
        # A digest that the script leaves open is any digest.
        if option.name == "md5" and not option.data and at < len(got) and got[at].name == "md5":
            got[at] = option
    if relaxed.optorder:
        agrees = Counter(filter(_is_no_padding, wanted)) == Counter(filter(_is_no_padding, got))
    else:
        agrees = wanted == got
    return [] if agrees else ["options"]


def _without_stamps(option: TcpOption) -> TcpOption:
    return replace(option, numbers=()) if option.name == "TS" else option


def _is_no_padding(option: TcpOption) -> bool:
    return option.name not in ("nop", "eol")


def stamp_of(segment: Tcp) -> tuple[int, int] | None:
    """The two halves of its timestamps option, `None` where it has none."""
    for option in segment.options or ():
        if option.name == "TS":
            return option.numbers[0], option.numbers[1]
    return None


def stamp_problem(stamps: Stamps, script: int, live: int, tick: int, allowed: int) -> str | None:
    """What is wrong with a timestamp: it advances by one each `tick` nanoseconds, give or take `allowed` of them.

    The first one is right whatever it is.
    """
    if not tick or stamps.first is None:
        return None
    off = difference(stamps.to_script(live), script)
    return None if abs(off) * tick <= allowed else f"TS val: {stamps.to_script(live)}, not {script}"


# Segments that make up one line, and the other way round


def joined(first: Tcp, more: Tcp, *, check_window: bool) -> Tcp | None:
    """Both as one segment, with the number and CWR of the first and everything else of the other; `None` where they are
    not parts of one.
    """
    fits = (
        not (first.flags ^ more.flags) & _MUST_AGREE
        and more.seq == (first.seq + first.size) % (1 << 32)
        and more.ack == first.ack
        and (more.win == first.win or not check_window)
        and more.urg == first.urg
        and more.size > 0
    )
    if not fits:
        return None
    flags = more.flags & ~CWR | first.flags & CWR
    return replace(more, seq=first.seq, size=first.size + more.size, flags=flags)


def split(segment: Tcp, size: int) -> tuple[Tcp, Tcp]:
    """The first `size` bytes of the text, without FIN, and the rest."""
    head = replace(segment, size=size, flags=segment.flags & ~FIN)
    tail = replace(segment, seq=(segment.seq + size) % (1 << 32), size=segment.size - size)
    return head, tail
