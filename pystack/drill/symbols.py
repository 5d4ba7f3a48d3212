"""The names that calls and code blocks have for numbers: Linux's, whatever the machine is that this runs on."""

from collections.abc import Mapping
from errno import errorcode
from types import MappingProxyType
from typing import Final

from pystack.sock import constants

_CALLS: Final = {
    "NULL": 0,
    "AF_UNSPEC": 0,
    "AF_UNIX": 1,
    "PF_INET": 2,
    "PF_INET6": 10,
    "SOCK_RAW": 3,
    "SOCK_NONBLOCK": 0x800,
    "SOCK_CLOEXEC": 0x80000,
    "IPPROTO_ICMP": 1,
    "SOL_IP": 0,
    "SOL_TCP": 6,
    "SOL_UDP": 17,
    "SOL_IPV6": 41,
    "SO_DEBUG": 1,
    "SO_DONTROUTE": 5,
    "SO_NO_CHECK": 11,
    "SO_PRIORITY": 12,
    "SO_REUSEPORT": 15,
    "SO_RCVLOWAT": 18,
    "SO_SNDLOWAT": 19,
    "SO_RCVTIMEO": 20,
    "SO_SNDTIMEO": 21,
    "SO_TIMESTAMP": 29,
    "SO_SNDBUFFORCE": 32,
    "SO_RCVBUFFORCE": 33,
    "SO_MARK": 36,
    "SO_TIMESTAMPING": 37,
    "SO_BUSY_POLL": 46,
    "SO_MAX_PACING_RATE": 47,
    "SO_INCOMING_CPU": 49,
    "SO_ZEROCOPY": 60,
    "SO_TXTIME": 61,
    "TCP_WINDOW_CLAMP": 10,
    "TCP_MD5SIG": 14,
    "TCP_THIN_LINEAR_TIMEOUTS": 16,
    "TCP_THIN_DUPACK": 17,
    "TCP_REPAIR": 19,
    "TCP_QUEUE_SEQ": 21,
    "TCP_FASTOPEN": 23,
    "TCP_TIMESTAMP": 24,
    "TCP_CC_INFO": 26,
    "TCP_SAVE_SYN": 27,
    "TCP_SAVED_SYN": 28,
    "TCP_FASTOPEN_CONNECT": 30,
    "TCP_ULP": 31,
    "TCP_FASTOPEN_KEY": 33,
    "TCP_FASTOPEN_NO_COOKIE": 34,
    "TCP_ZEROCOPY_RECEIVE": 35,
    "TCP_INQ": 36,
    "TCP_CM_INQ": 36,
    "TCP_TX_DELAY": 37,
    "IP_HDRINCL": 3,
    "IP_OPTIONS": 4,
    "IP_RECVOPTS": 6,
    "IP_PKTINFO": 8,
    "IP_RECVERR": 11,
    "IP_RECVTTL": 12,
    "IP_RECVTOS": 13,
    "IP_MTU": 14,
    "IP_FREEBIND": 15,
    "IP_TRANSPARENT": 19,
    "IP_BIND_ADDRESS_NO_PORT": 24,
    "IP_PMTUDISC_DONT": 0,
    "IP_PMTUDISC_WANT": 1,
    "IP_PMTUDISC_DO": 2,
    "IP_PMTUDISC_PROBE": 3,
    "IP_PMTUDISC_INTERFACE": 4,
    "IP_PMTUDISC_OMIT": 5,
    "IPV6_MTU": 24,
    "IPV6_RECVERR": 25,
    "IPV6_RECVPKTINFO": 49,
    "IPV6_PKTINFO": 50,
    "IPV6_RECVHOPLIMIT": 51,
    "IPV6_HOPLIMIT": 52,
    "IPV6_RECVTCLASS": 66,
    "IPV6_PMTUDISC_DONT": 0,
    "IPV6_PMTUDISC_WANT": 1,
    "IPV6_PMTUDISC_DO": 2,
    "IPV6_PMTUDISC_PROBE": 3,
    "MSG_DONTROUTE": 0x4,
    "MSG_CTRUNC": 0x8,
    "MSG_CONFIRM": 0x800,
    "MSG_ERRQUEUE": 0x2000,
    "MSG_WAITFORONE": 0x10000,
    "MSG_ZEROCOPY": 0x4000000,
    "MSG_FASTOPEN": 0x20000000,
    "MSG_CMSG_CLOEXEC": 0x40000000,
    "O_RDONLY": 0,
    "O_WRONLY": 1,
    "O_RDWR": 2,
    "O_CREAT": 0o100,
    "O_TRUNC": 0o1000,
    "O_APPEND": 0o2000,
    "O_NONBLOCK": 0o4000,
    "O_NDELAY": 0o4000,
    "O_ASYNC": 0o20000,
    "O_CLOEXEC": 0o2000000,
    "F_GETFD": 1,
    "F_SETFD": 2,
    "F_GETFL": 3,
    "F_SETFL": 4,
    "FD_CLOEXEC": 1,
    "FIONREAD": 0x541B,
    "FIONBIO": 0x5421,
    "SIOCINQ": 0x541B,
    "SIOCOUTQ": 0x5411,
    "TIOCOUTQ": 0x5411,
    "SIOCOUTQNSD": 0x894B,
    "SIOCATMARK": 0x8905,
    "POLLNVAL": 0x20,
    "POLLRDNORM": 0x40,
    "POLLRDBAND": 0x80,
    "POLLWRNORM": 0x100,
    "POLLWRBAND": 0x200,
}

_STATES: Final = (
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
)
_CA_STATES: Final = ("Open", "Disorder", "CWR", "Recovery", "Loss")
_INFO_OPTIONS: Final = ("TIMESTAMPS", "SACK", "WSCALE", "ECN", "ECN_SEEN", "SYN_DATA", "USEC_TS", "TFO_CHILD")

CALL_SYMBOLS: Final[Mapping[str, int]] = MappingProxyType(
    {name: value for name, value in vars(constants).items() if isinstance(value, int) and name.isupper()} | _CALLS
)
"""What an argument of a call may be called."""

CODE_SYMBOLS: Final[Mapping[str, int]] = MappingProxyType(
    {f"TCP_{name}": number for number, name in enumerate(_STATES, 1)}
    | {f"TCP_CA_{name}": number for number, name in enumerate(_CA_STATES)}
    | {f"TCPI_OPT_{name}": 1 << bit for bit, name in enumerate(_INFO_OPTIONS)}
    | {"TCP_INFINITE_SSTHRESH": 0x7FFFFFFF}
)
"""What a code block may call a number."""

ALIASES: Final[Mapping[str, str]] = MappingProxyType({"EWOULDBLOCK": "EAGAIN", "ENOTSUP": "EOPNOTSUPP"})
"""Two names for one errno: the second one is the stack's."""
ERRNOS: Final = frozenset(errorcode.values()) | ALIASES.keys()
"""Errnos that a result may name; one that no Linux has is an error of the script."""
