"""Whether a call has returned what the script says: the result, the errno, and what was written to the arguments."""

from typing import Any, Final

from pystack.drill.arguments import number_of
from pystack.drill.dut import ControlMessage, Done, Failed, Linger, MsgHdr, PollFd
from pystack.drill.errors import ScriptError
from pystack.drill.script import Call, Position
from pystack.drill.symbols import ALIASES, ERRNOS

OPENING: Final = ("socket", "accept", "accept4", "open")
"""Calls that give a descriptor, whose number is for the script to choose."""
_DATA: Final = ("read", "recv", "readv")


def expected_of(call: Call, at: Position) -> tuple[int, str]:
    """The result and the errno that the script expects, the errno by the name that the stack has for it (empty: any).
    Raises `ScriptError`.
    """
    result = number_of(call.result, at)
    if call.errno and call.errno not in ERRNOS:
        raise ScriptError(f"{call.errno} is no errno", at)
    return result, ALIASES.get(call.errno, call.errno)


def problem_of(call: Call, values: tuple[Any, ...], got: Done | Failed, at: Position) -> str | None:
    """What is wrong with how `call` (whose arguments are `values`) has returned; `None`: nothing."""
    result, errno = expected_of(call, at)
    if isinstance(got, Failed):
        told = f"{got.errno} ({got.text})" if got.text else got.errno
        if result != -1:
            return f"-1 {told}, not {result}"
        return f"{told}, not {errno}" if errno and got.errno != errno else None
    if call.name in OPENING:
        return None if result >= 0 else f"a descriptor, not -1 {errno}"
    if got.value != result:
        return f"{got.value}, not {result}{f' {errno}' if errno else ''}"
    return _written_problem(call.name, values, got.details)


def _written_problem(name: str, values: tuple[Any, ...], details: Any) -> str | None:
    if name == "getsockopt" and details is not None:
        value, length = details
        return _difference("value", _inside(values[3]), value) or _difference("length", _inside(values[4]), length)
    if name == "ioctl" and len(values) == 3:
        return _difference("value", _inside(values[2]), details)
    if name == "poll" and isinstance(details, tuple | list):
        return _revents_problem(values[0], tuple(details))
    if name in _DATA and isinstance(details, bytes):
        return "what it has read is not all zeros" if any(details) else None
    if name == "recvmsg" and isinstance(details, MsgHdr):
        return _message_problem(values[1], details)
    return None


def _inside(value: Any) -> Any:
    """What stands in the brackets."""
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value


def _difference(what: str, expected: Any, got: Any) -> str | None:
    if expected is Ellipsis:
        return None
    if isinstance(got, bytes) and isinstance(expected, bytes):
        same = got.rstrip(b"\0") == expected.rstrip(b"\0")
    else:
        same = got == expected
    return None if same else f"{what} {_shown(got)}, not {_shown(expected)}"


def _shown(value: Any) -> str:
    match value:
        case bytes():
            return f'"{value.decode("latin-1")}"'
        case Linger(onoff, linger):
            return f"{{onoff={onoff}, linger={linger}}}"
        case _:
            return str(value)


def _revents_problem(expected: Any, got: tuple[Any, ...]) -> str | None:
    if not isinstance(expected, tuple) or len(expected) != len(got):
        return f"{len(got)} descriptors polled"
    for wanted, each in zip(expected, got, strict=True):
        if isinstance(wanted, PollFd) and wanted.revents != each.revents:
            return f"revents {each.revents:#x} of descriptor {wanted.fd.number}, not {wanted.revents:#x}"
    return None


def _message_problem(expected: Any, got: MsgHdr) -> str | None:
    if not isinstance(expected, MsgHdr):
        return None
    for part in got.iov:
        if isinstance(part.base, bytes) and any(part.base):
            return "what it has received is not all zeros"
    return _difference("msg_flags", expected.flags, got.flags) or _control_problem(expected.control, got.control)


def _control_problem(expected: tuple[ControlMessage, ...], got: tuple[ControlMessage, ...]) -> str | None:
    if not expected:
        return None
    return None if expected == got else f"msg_control {list(got)}, not {list(expected)}"
