"""A test script as values: what the parsers give and the interpreter walks.

Nothing here is resolved: symbols are names, numbers are the script's own, times are what stands before the event.
Times are integer nanoseconds; the language has a resolution of microseconds. Where something was written (`Position`)
does not count when two values are compared.
"""

from dataclasses import dataclass, field
from enum import Enum
from types import EllipsisType


@dataclass(frozen=True, slots=True)
class Position:
    """Line and column, both from 1."""

    line: int
    column: int


NOWHERE = Position(1, 1)


class Direction(Enum):
    """Which way a packet goes, as seen from the stack under test."""

    INBOUND = "<"
    OUTBOUND = ">"


class Base(Enum):
    """What a time is counted from."""

    START = ""
    """The start of the script."""
    PREVIOUS = "+"
    """The time when the event before was over."""
    ANY = "*"
    """Nothing: whenever it comes."""


@dataclass(frozen=True, slots=True)
class When:
    """The time of an event. `end`: of a range, for an outbound packet; of the return, for a call that blocks."""

    base: Base
    start: int = 0
    end: int | None = None


@dataclass(frozen=True, slots=True)
class IpInfo:
    """What a packet line says of the IP header; `None`: nothing. `ecn` is the script's word."""

    ecn: str | None = None
    tos: int | None = None
    ttl: int | None = None
    flow_label: int | None = None


@dataclass(frozen=True, slots=True)
class TcpOption:
    """One TCP option by the word that the language has for it.

    `numbers`: the values in the order of the script: `mss` and `wscale` have one, `TS` has val and ecr, `sack` the
    edges of its blocks, `ECN` its counters (`order` 1 where e1b is the first), `kind` the number of an option that the
    language has no word for. `data`: the cookie of `FO` and `FOEXP`, the digest of `md5` (empty: any), the
    contents of `kind`.
    """

    name: str
    numbers: tuple[int, ...] = ()
    data: bytes = b""
    order: int = 0


@dataclass(frozen=True, slots=True)
class Tcp:
    """A TCP segment. `flags` are the bits of the header (`pystack.wire.tcp`); `ace` is the number of the three AccECN
    bits where they are written as a digit, and then they are not in `flags`. `ports` are source and destination where
    the line says them. `size` is the length of the text. `options` is `None` for `<...>`.
    """

    flags: int
    seq: int
    size: int
    ack: int | None = None
    win: int | None = None
    urg: int | None = None
    options: tuple[TcpOption, ...] | None = ()
    ace: int | None = None
    ports: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Udp:
    """A datagram with so many bytes of data."""

    size: int


@dataclass(frozen=True, slots=True)
class QuotedTcp:
    """What an ICMP error quotes of a TCP segment."""

    seq: int
    size: int


@dataclass(frozen=True, slots=True)
class QuotedUdp:
    """What an ICMP error quotes of a datagram: how much data it had."""

    size: int


@dataclass(frozen=True, slots=True)
class QuotedRaw:
    """An ICMP error quotes an IP packet with so many bytes in it."""

    size: int


Quoted = QuotedTcp | QuotedUdp | QuotedRaw


@dataclass(frozen=True, slots=True)
class Icmp:
    """An ICMP message. `type` and `code` are the script's words (`code` is empty where there is none)."""

    type: str
    code: str = ""
    mtu: int | None = None
    id: int | None = None
    quoted: Quoted | None = None


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet line."""

    direction: Direction
    body: Tcp | Udp | Icmp
    ip: IpInfo = IpInfo()


@dataclass(frozen=True, slots=True)
class Name:
    """A symbol, or a number, in a place where both may stand."""

    text: str


@dataclass(frozen=True, slots=True)
class Either:
    """Numbers and symbols joined by `|`."""

    parts: "tuple[int | Name, ...]"


@dataclass(frozen=True, slots=True)
class Text:
    """A string. `goes_on`: there are `...` behind it."""

    value: bytes
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Brackets:
    """`[a, b]`: a value that goes in and out, or an array."""

    items: "tuple[Argument, ...]"


@dataclass(frozen=True, slots=True)
class Applied:
    """`htons(8080)` and the like."""

    name: str
    arguments: "tuple[Argument, ...]"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a structure: `onoff=1`, `msg_iov(1)=[…]` (`count`: what is in the parentheses), or a value alone."""

    name: str
    value: "Argument"
    count: "Argument | None" = None


@dataclass(frozen=True, slots=True)
class Braces:
    """`{…}`, a structure."""

    members: tuple[Member, ...]


Argument = int | Name | Either | Text | Brackets | Braces | Applied | EllipsisType
"""What may stand between the parentheses of a call."""


@dataclass(frozen=True, slots=True)
class Call:
    """A system call and how it has to return: `result`, and, where that is -1, `errno` by name (empty: any)."""

    name: str
    arguments: tuple[Argument, ...]
    result: Argument
    errno: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A shell command; it is recognised, never run."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """A code block: Python."""

    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens at a time."""

    when: When
    what: Packet | Call | Command | Code
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Option:
    """`--name=value`, or `--name` (`value` is `None`)."""

    name: str
    value: str | None = None
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Script:
    """A whole script. `init` and `cleanup` are the commands without a time before the first and after the last
    event.
    """

    options: tuple[Option, ...] = ()
    init: Command | None = None
    events: tuple[Event, ...] = ()
    cleanup: Command | None = None
    init_at: Position = field(default=NOWHERE, compare=False)
    cleanup_at: Position = field(default=NOWHERE, compare=False)
