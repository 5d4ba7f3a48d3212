"""From the arguments of a call, as the script writes them, to the values that the stack's adapter takes."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final

from pystack.drill.dut import ControlMessage, Fd, IoVec, Linger, MsgHdr, PollFd, SockAddr
from pystack.drill.errors import ScriptError, Unsupported
from pystack.drill.script import (
    Applied,
    Argument,
    Braces,
    Brackets,
    Call,
    Either,
    Member,
    Name,
    Position,
    Text,
)
from pystack.drill.symbols import CALL_SYMBOLS

_ARITIES: Final[Mapping[str, tuple[int, ...]]] = {
    "socket": (3,),
    "bind": (3,),
    "listen": (2,),
    "accept": (3,),
    "accept4": (4,),
    "connect": (3,),
    "getsockname": (3,),
    "getpeername": (3,),
    "read": (3,),
    "write": (3,),
    "readv": (3,),
    "writev": (3,),
    "recv": (4,),
    "send": (4,),
    "recvfrom": (6,),
    "sendto": (6,),
    "recvmsg": (3,),
    "sendmsg": (3,),
    "shutdown": (2,),
    "close": (1,),
    "fcntl": (2, 3),
    "ioctl": (2, 3),
    "getsockopt": (5,),
    "setsockopt": (5,),
    "poll": (3,),
    "open": (2, 3),
    "sendfile": (4,),
}
"""The calls of the language, and how many arguments each takes."""
_WITHOUT_FD: Final = ("socket", "open", "poll")
_FILES: Final = {"sendfile": 2}
"""How many of the first arguments are descriptors, where it is not one."""
_COUNTED: Final = ("msg_iov", "msg_name", "msg_control")


def values_of(call: Call, at: Position) -> tuple[Any, ...]:
    """The arguments, as `pystack.drill.dut` has them. Raises `ScriptError`, or `Unsupported` for a call or a structure
    that is not in the language that is known here.
    """
    arity = _ARITIES.get(call.name)
    if arity is None:
        raise Unsupported(f"{call.name}() is not supported", at)
    if len(call.arguments) not in arity:
        wanted = " or ".join(map(str, arity))
        raise ScriptError(f"{call.name}() takes {wanted} arguments, not {len(call.arguments)}", at)
    files = 0 if call.name in _WITHOUT_FD else _FILES.get(call.name, 1)
    reader = _Reader(at)
    return tuple(
        reader.descriptor(argument) if place < files else reader.value(argument)
        for place, argument in enumerate(call.arguments)
    )


def number_of(argument: Argument, at: Position) -> int:
    """A number, a symbol, or some of them joined by `|`. Raises `ScriptError`."""
    return _Reader(at).number(argument)


class _Reader:
    """Reads the arguments of one call, which stands `at` this place."""

    def __init__(self, at: Position) -> None:
        self._at = at

    def value(self, argument: Argument) -> Any:
        match argument:
            case Text(value, False):
                return value
            case Text():
                raise Unsupported("a string that goes on (`...`) is not supported", self._at)
            case Brackets(items):
                return tuple(map(self.value, items))
            case Braces():
                return self._structure(argument)
            case Applied(name, arguments):
                return self._applied(name, arguments)
            case int() | Name() | Either():
                return self.number(argument)
            case _:
                return argument

    def number(self, argument: Argument) -> int:
        match argument:
            case int():
                return argument
            case Name(text):
                if text not in CALL_SYMBOLS:
                    raise ScriptError(f"nobody knows the symbol {text}", self._at)
                return CALL_SYMBOLS[text]
            case Either(parts):
                total = 0
                for part in parts:
                    total |= self.number(part)
                return total
        raise ScriptError("a number is needed here", self._at)

    def descriptor(self, argument: Argument) -> Fd:
        return Fd(self.number(argument))

    # Structures

    def _structure(self, braces: Braces) -> Any:
        names = [member.name for member in braces.members]
        members = {member.name: member for member in braces.members}
        if len(members) == len(names) or not any(names):
            if names == ["", ""]:
                return self._part(braces.members)
            for wanted, build in (
                ({"onoff", "linger"}, self._linger),
                ({"fd", "events"}, self._poll),
                ({"msg_iov"}, self._message),
                ({"sa_family"}, self._address),
                ({"cmsg_level", "cmsg_type"}, self._control),
            ):
                if wanted <= set(names):
                    return build(members)
        raise Unsupported(
            f"a structure of {', '.join(filter(None, names)) or 'these values'} is not supported", self._at
        )

    def _only(self, members: Mapping[str, Member], *names: str) -> None:
        unknown = set(members).difference(names)
        if unknown:
            raise Unsupported(f"{', '.join(sorted(unknown))}: not supported in such a structure", self._at)
        for member in members.values():
            if member.count is not None and member.name not in _COUNTED:
                raise ScriptError(f"{member.name} has no count", self._at)

    def _part(self, members: tuple[Member, ...]) -> IoVec:
        base = self.value(members[0].value)
        if base is not Ellipsis and not isinstance(base, bytes):
            raise ScriptError("a buffer is `...` or a string", self._at)
        return IoVec(base, self.number(members[1].value))

    def _linger(self, members: Mapping[str, Member]) -> Linger:
        self._only(members, "onoff", "linger")
        return Linger(self.number(members["onoff"].value), self.number(members["linger"].value))

    def _poll(self, members: Mapping[str, Member]) -> PollFd:
        self._only(members, "fd", "events", "revents")
        revents = self.number(members["revents"].value) if "revents" in members else 0
        return PollFd(self.descriptor(members["fd"].value), self.number(members["events"].value), revents)

    def _message(self, members: Mapping[str, Member]) -> MsgHdr:
        self._only(members, "msg_name", "msg_iov", "msg_flags", "msg_control")
        parts = self.value(members["msg_iov"].value)
        if not isinstance(parts, tuple) or not all(isinstance(part, IoVec) for part in parts):
            raise ScriptError("msg_iov is an array of {buffer, length}", self._at)
        count = members["msg_iov"].count
        if count is not None and self.number(count) != len(parts):
            raise ScriptError(f"msg_iov has {len(parts)} parts", self._at)
        name = self.value(members["msg_name"].value) if "msg_name" in members else None
        if not (name is None or name is Ellipsis or isinstance(name, SockAddr)):
            raise ScriptError("msg_name is `...` or an address", self._at)
        flags = self.number(members["msg_flags"].value) if "msg_flags" in members else 0
        control = self.value(members["msg_control"].value) if "msg_control" in members else ()
        if not isinstance(control, tuple) or not all(isinstance(part, ControlMessage) for part in control):
            raise ScriptError("msg_control is an array of control messages", self._at)
        return MsgHdr(parts, name, flags, control)

    def _control(self, members: Mapping[str, Member]) -> ControlMessage:
        self._only(members, "cmsg_level", "cmsg_type", "cmsg_data")
        data = self.value(members["cmsg_data"].value) if "cmsg_data" in members else None
        level, kind = self.number(members["cmsg_level"].value), self.number(members["cmsg_type"].value)
        return ControlMessage(level, kind, data)

    def _address(self, members: Mapping[str, Member]) -> SockAddr:
        self._only(members, "sa_family", "sin_port", "sin_addr", "sin6_port", "sin6_addr")
        port = next((self.value(members[name].value) for name in ("sin_port", "sin6_port") if name in members), 0)
        address = next((self.value(members[name].value) for name in ("sin_addr", "sin6_addr") if name in members), b"")
        if not isinstance(port, int) or not isinstance(address, bytes):
            raise ScriptError("an address is {sa_family=…, sin_port=htons(…), sin_addr=inet_addr(…)}", self._at)
        return SockAddr(self.number(members["sa_family"].value), address, port)

    def _applied(self, name: str, arguments: tuple[Argument, ...]) -> Any:
        """`htons` gives the number itself, as `SockAddr` has it."""
        if name == "htons" and len(arguments) == 1:
            return self.number(arguments[0])
        texts = [argument.value.decode("latin-1") for argument in arguments if isinstance(argument, Text)]
        if name in ("inet_addr", "inet_pton") and len(texts) == 1:
            try:
                return ip_address(texts[0]).packed
            except ValueError as error:
                raise ScriptError(str(error), self._at) from None
        raise Unsupported(f"{name}() is not supported in an argument", self._at)
