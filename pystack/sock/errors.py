"""What went wrong, as the errno that Linux would give: the one place where that is decided."""

import errno
from typing import Final

from pystack.stack.errors import AddressInUse, AddressNotAvailable, InvalidDestination, StackError, Unreachable
from pystack.tcp.connection import Connection
from pystack.tcp.events import Ending
from pystack.tcp.icmp import IcmpKind

_TEXTS: Final = {
    errno.EADDRINUSE: "Address already in use",
    errno.EADDRNOTAVAIL: "Cannot assign requested address",
    errno.EAFNOSUPPORT: "Address family not supported by protocol",
    errno.EALREADY: "Operation already in progress",
    errno.EBADF: "Bad file descriptor",
    errno.ECONNABORTED: "Software caused connection abort",
    errno.ECONNREFUSED: "Connection refused",
    errno.ECONNRESET: "Connection reset by peer",
    errno.EDOM: "Value out of range",
    errno.EFAULT: "Bad address",
    errno.EHOSTUNREACH: "No route to host",
    errno.EINVAL: "Invalid argument",
    errno.EISCONN: "Socket is already connected",
    errno.ENETDOWN: "Network is down",
    errno.ENETUNREACH: "Network is unreachable",
    errno.ENOENT: "No such congestion control",
    errno.ENOPROTOOPT: "Socket option not supported",
    errno.ENOTCONN: "Socket is not connected",
    errno.EOPNOTSUPP: "Operation not supported",
    errno.EPIPE: "Broken pipe",
    errno.EPROTO: "Protocol error",
    errno.EPROTONOSUPPORT: "Protocol not supported",
    errno.ETIMEDOUT: "Connection timed out",
}

_OF_STACK_ERROR: Final = {
    AddressInUse: errno.EADDRINUSE,
    AddressNotAvailable: errno.EADDRNOTAVAIL,
    InvalidDestination: errno.ENETUNREACH,
    Unreachable: errno.ENETUNREACH,
}

_OF_ENDING: Final = {
    Ending.NORMAL: 0,
    Ending.ABORTED: errno.ECONNABORTED,
    Ending.REFUSED: errno.ECONNREFUSED,
    Ending.RESET: errno.ECONNRESET,
    Ending.TIMED_OUT: errno.ETIMEDOUT,
    Ending.UNREACHABLE: errno.EHOSTUNREACH,
}

_OF_ICMP: Final = {
    IcmpKind.UNREACHABLE_NET: errno.ENETUNREACH,
    IcmpKind.UNREACHABLE_PROTOCOL: errno.ENOPROTOOPT,
    IcmpKind.UNREACHABLE_PORT: errno.ECONNREFUSED,
    IcmpKind.PARAMETER_PROBLEM: errno.EPROTO,
}


def os_error(code: int, text: str = "") -> OSError:
    """The exception for an errno (Python picks the subclass, for example `ConnectionResetError`)."""
    return OSError(code, text or _TEXTS.get(code, f"error {code}"))


def from_stack(error: StackError) -> OSError:
    """What a refusal of the host is to an application."""
    code = _OF_STACK_ERROR.get(type(error), errno.EINVAL)
    return os_error(code, f"{_TEXTS[code]}: {error}")


def errno_of_ending(connection: Connection) -> int:
    """The pending error that the end of a connection leaves, 0 for none."""
    ending = connection.ending
    if ending is None:
        return 0
    if ending is Ending.RESET and connection.eof:
        # The peer had said that it would send no more: only writing is broken. Linux: tcp_reset, TCP_CLOSE_WAIT.
        return errno.EPIPE
    if ending in (Ending.UNREACHABLE, Ending.TIMED_OUT) and connection.icmp_error is not None:
        # What ICMP had said in the meantime says more than that time ran out (RFC 9293 SHLD-25).
        return _OF_ICMP.get(connection.icmp_error.kind, errno.EHOSTUNREACH)
    return _OF_ENDING[ending]
