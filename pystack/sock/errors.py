"""What went wrong, as the errno that Linux would give: the one place where that is decided."""

import errno
from typing import Final

from pystack.ip.icmp import Error
from pystack.sock.constants import AF_INET6
from pystack.stack.errors import (
    AddressInUse,
    AddressNotAvailable,
    BroadcastDenied,
    DatagramTooLong,
    InvalidDestination,
    InvalidSource,
    OutOfMemory,
    StackError,
    Unreachable,
)
from pystack.tcp.connection import Connection
from pystack.tcp.events import Ending
from pystack.tcp.icmp import IcmpError, IcmpKind
from pystack.wire import icmpv4

_TEXTS: Final = {
    errno.EACCES: "Permission denied",
    errno.EADDRINUSE: "Address already in use",
    errno.EADDRNOTAVAIL: "Cannot assign requested address",
    errno.EAFNOSUPPORT: "Address family not supported by protocol",
    errno.EAGAIN: "Resource temporarily unavailable",
    errno.EALREADY: "Operation already in progress",
    errno.EBADF: "Bad file descriptor",
    errno.ECONNABORTED: "Software caused connection abort",
    errno.ECONNREFUSED: "Connection refused",
    errno.ECONNRESET: "Connection reset by peer",
    errno.EDESTADDRREQ: "Destination address required",
    errno.EFAULT: "Bad address",
    errno.EHOSTUNREACH: "No route to host",
    errno.EHOSTDOWN: "Host is down",
    errno.EINVAL: "Invalid argument",
    errno.EISCONN: "Socket is already connected",
    errno.EMSGSIZE: "Message too long",
    errno.ENETDOWN: "Network is down",
    errno.ENETUNREACH: "Network is unreachable",
    errno.ENOBUFS: "No buffer space available",
    errno.ENOENT: "No such congestion control",
    errno.ENONET: "Machine is not on the network",
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
    BroadcastDenied: errno.EACCES,
    DatagramTooLong: errno.EMSGSIZE,
    InvalidSource: errno.EINVAL,
    InvalidDestination: errno.ENETUNREACH,
    OutOfMemory: errno.ENOBUFS,
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

_OF_KIND: Final = {
    IcmpKind.UNREACHABLE_NET: errno.ENETUNREACH,
    IcmpKind.UNREACHABLE_PROTOCOL: errno.ENOPROTOOPT,
    IcmpKind.UNREACHABLE_PORT: errno.ECONNREFUSED,
    IcmpKind.FRAGMENTATION_NEEDED: errno.EMSGSIZE,
    IcmpKind.SOURCE_ROUTE_FAILED: errno.EOPNOTSUPP,
    IcmpKind.PARAMETER_PROBLEM: errno.EPROTO,
}

_OF_KIND_V6: Final = {
    **_OF_KIND,
    IcmpKind.UNREACHABLE_PROTOCOL: errno.EPROTO,
    IcmpKind.ADMIN_PROHIBITED: errno.EACCES,
}

_OF_CODE_V4: Final = {
    icmpv4.HOST_UNKNOWN: errno.EHOSTDOWN,
    icmpv4.SOURCE_HOST_ISOLATED: errno.ENONET,
    icmpv4.NET_PROHIBITED: errno.ENETUNREACH,
}
"""Codes of "destination unreachable" that say more than their kind."""


def os_error(code: int, text: str = "") -> OSError:
    """The exception for an errno (Python picks the subclass, for example `ConnectionResetError`)."""
    return OSError(code, text or _TEXTS.get(code, f"error {code}"))


def from_stack(error: StackError) -> OSError:
    """What a refusal of the host is to an application."""
    code = _OF_STACK_ERROR.get(type(error), errno.EINVAL)
    return os_error(code, f"{_TEXTS[code]}: {error}")


def errno_of_report(error: Error | IcmpError, family: int) -> int:
    """What an ICMP error about a packet is to its sender. Linux: icmp_err_convert, icmpv6_err_convert."""
    kind = error.kind
    if family == AF_INET6:
        return _OF_KIND_V6.get(kind, errno.EHOSTUNREACH)
    if kind in (IcmpKind.UNREACHABLE_HOST, IcmpKind.ADMIN_PROHIBITED):
        return _OF_CODE_V4.get(error.code, errno.EHOSTUNREACH)
    return _OF_KIND.get(kind, errno.EHOSTUNREACH)


def errno_of_ending(connection: Connection, family: int) -> int:
    """The pending error that the end of a connection leaves, 0 for none."""
    ending = connection.ending
    if ending is None:
        return 0
    if ending is Ending.RESET and connection.eof:
        # The peer had said that it would send no more: only writing is broken. Linux: tcp_reset, TCP_CLOSE_WAIT.
        return errno.EPIPE
    if ending in (Ending.UNREACHABLE, Ending.TIMED_OUT) and connection.icmp_error is not None:
        # What ICMP had said in the meantime says more than that time ran out (RFC 9293 SHLD-25).
        return errno_of_report(connection.icmp_error, family)
    return _OF_ENDING[ending]
