"""From a script, or a part of it, to its text: what reports show, and what the parser reads back to the same value."""

from types import EllipsisType
from typing import Final

from pystack.drill.flags import flags_text
from pystack.drill.script import (
    Applied,
    Argument,
    Base,
    Braces,
    Brackets,
    Call,
    Code,
    Command,
    Either,
    Event,
    Icmp,
    IpInfo,
    Member,
    Name,
    Packet,
    Quoted,
    QuotedTcp,
    QuotedUdp,
    Script,
    Tcp,
    Text,
    Udp,
    When,
)
from pystack.drill.tcpoptions import option_text

_SEQUENCE: Final = 1 << 32


def script_text(script: Script) -> str:
    """The whole script, an option, a command or an event a line. Its defines have been put in."""
    lines = [f"--{o.name}" if o.value is None else f"--{o.name}={o.value}" for o in script.options]
    if script.init is not None:
        lines.append(f"`{script.init.text}`")
    lines += map(event_text, script.events)
    if script.cleanup is not None:
        lines.append(f"`{script.cleanup.text}`")
    return "\n".join(lines) + "\n"


def event_text(event: Event) -> str:
    """The event with its time."""
    what = event.what
    time = when_text(event.when, blocks=isinstance(what, Call))
    match what:
        case Packet():
            return f"{time} {packet_text(what)}"
        case Call():
            return f"{time} {call_text(what)}"
        case Command(text):
            return f"{time} `{text}`"
        case Code(text):
            return f"{time} %{{{text}}}%"


def when_text(when: When, *, blocks: bool = False) -> str:
    """The time before an event."""
    if when.base is Base.ANY:
        return "*"
    sign = when.base.value
    text = f"{sign}{seconds_text(when.start)}"
    if when.end is None:
        return text
    return f"{text}...{seconds_text(when.end)}" if blocks else f"{text}~{sign}{seconds_text(when.end)}"


def seconds_text(nanoseconds: int) -> str:
    """A time in seconds, to the microsecond."""
    sign = "-" if nanoseconds < 0 else ""
    whole, microseconds = divmod(abs(nanoseconds) // 1000, 1_000_000)
    fraction = f".{microseconds:06}".rstrip("0").rstrip(".")
    return f"{sign}{whole}{fraction}"


# Packets


def packet_text(packet: Packet) -> str:
    """The packet line without its time."""
    return " ".join(filter(None, (packet.direction.value, _ip_text(packet.ip), _body_text(packet.body))))


def _ip_text(ip: IpInfo) -> str:
    parts = [] if ip.ecn is None else [ip.ecn]
    parts += [] if ip.tos is None else [f"tos {ip.tos:#x}"]
    parts += [] if ip.ttl is None else [f"ttl {ip.ttl}"]
    parts += [] if ip.flow_label is None else [f"flowlabel {ip.flow_label:#x}"]
    return f"[{', '.join(parts)}]" if parts else ""


def _body_text(body: Tcp | Udp | Icmp) -> str:
    match body:
        case Tcp():
            return _tcp_text(body)
        case Udp(size):
            return f"udp ({size})"
        case Icmp():
            words = [f"icmp {body.type}", body.code]
            words.append("" if body.mtu is None else f"mtu {body.mtu}")
            words.append("" if body.id is None else f"id {body.id}")
            words.append("" if body.quoted is None else f"[{_quoted_text(body.quoted)}]")
            return " ".join(filter(None, words))


def _tcp_text(segment: Tcp) -> str:
    words = [] if segment.ports is None else [f"{segment.ports[0]} > {segment.ports[1]}"]
    words += [flags_text(segment.flags, segment.ace), _range_text(segment.seq, segment.size)]
    words += [f"{name} {value}" for name in ("ack", "win", "urg") if (value := getattr(segment, name)) is not None]
    if segment.options is None:
        words.append("<...>")
    elif segment.options:
        words.append(f"<{','.join(map(option_text, segment.options))}>")
    return " ".join(words)


def _range_text(seq: int, size: int) -> str:
    return f"{seq}:{(seq + size) % _SEQUENCE}({size})"


def _quoted_text(quoted: Quoted) -> str:
    if isinstance(quoted, QuotedTcp):
        return _range_text(quoted.seq, quoted.size)
    return f"{'udp' if isinstance(quoted, QuotedUdp) else 'raw'} ({quoted.size})"


# Calls


def call_text(call: Call) -> str:
    """The call with its result, without its time."""
    text = f"{call.name}({_list_text(call.arguments)}) = {argument_text(call.result)}"
    return f"{text} {call.errno}" if call.errno else text


def argument_text(argument: Argument) -> str:
    """One argument, or a result."""
    match argument:
        case EllipsisType():
            return "..."
        case int():
            return str(argument)
        case Name(text):
            return text
        case Either(parts):
            return "|".join(map(argument_text, parts))
        case Text(value, goes_on):
            return f'"{_escaped(value)}"{"..." if goes_on else ""}'
        case Brackets(items):
            return f"[{_list_text(items)}]"
        case Applied(name, arguments):
            return f"{name}({_list_text(arguments)})"
        case Braces(members):
            return f"{{{', '.join(map(_member_text, members))}}}"


def _list_text(arguments: tuple[Argument, ...]) -> str:
    return ", ".join(map(argument_text, arguments))


def _member_text(member: Member) -> str:
    if not member.name:
        return argument_text(member.value)
    count = "" if member.count is None else f"({argument_text(member.count)})"
    return f"{member.name}{count}={argument_text(member.value)}"


def _escaped(value: bytes) -> str:
    plain = {0x22: '\\"', 0x5C: "\\\\"}
    return "".join(plain.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in value)
