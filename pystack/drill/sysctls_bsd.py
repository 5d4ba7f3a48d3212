"""The sysctls of BSD, by their names: what each is among the settings of our stack, or why it is none of them."""

from collections.abc import Mapping
from typing import Any, Final

from pystack.drill.sysctls import ALL, NEW, Change, Sysctl, flag, integer, number
from pystack.tcp.ecn import EcnMode

_MS: Final = 1_000_000
_LARGEST_SHIFT: Final = 14
PREFIXES: Final = ("net.inet.", "net.inet6.", "kern.", "hw.", "vm.", "security.")
"""Names that begin so are BSD's, and those that are not in the table are known: nothing of the stack depends on
them."""

BASE: Final[Mapping[str, Any]] = {"window_scale": 6, "quick_acks": 0}
"""How a BSD differs where no sysctl says so; holds once one of its names has been heard: it asks for as much window
scaling as its largest socket buffer (2 MiB) needs, and has no quick ACKs at the start of a connection."""


def _rfc1323(text: str) -> Change:
    value = integer(text)
    return {"window_scaling": value in (1, 2), "timestamps": value in (1, 3)}


def _ecn(text: str) -> Change:
    value = integer(text)
    if value not in tuple(EcnMode):
        raise ValueError(f"ecn.enable {value}: accurate ECN is not there")
    return {"ecn": value}


def _maxsockbuf(text: str) -> Change:
    most = integer(text)
    return {"window_scale": next((s for s in range(_LARGEST_SHIFT) if 0xFFFF << s >= most), _LARGEST_SHIFT)}


def _delack(text: str) -> Change:
    time = integer(text) * _MS
    return {"delayed_ack_min": time, "delayed_ack_max": time}


def _recvspace(text: str) -> Change:
    """What a connection begins with; it grows, as ours does."""
    return {"initial_rcv_wnd": min(integer(text), 0xFFFF)}


SYSCTLS: Final[Mapping[str, Sysctl]] = {
    "net.inet.tcp.rfc1323": Sysctl("0 neither, 1 both, 2 window scaling, 3 timestamps", _rfc1323),
    "net.inet.tcp.sack.enable": Sysctl("offer and take SACK", flag("sack")),
    "net.inet.tcp.ecn.enable": Sysctl("0 off, 1 ask and accept, 2 accept", _ecn),
    "net.inet.tcp.recvspace": Sysctl("the first window", _recvspace, follows=NEW),
    "net.inet.tcp.sendspace": Sysctl("the send buffer", number("sndbuf"), follows=NEW),
    "net.inet.tcp.always_keepalive": Sysctl("SO_KEEPALIVE of new sockets", flag("keepalive"), follows=NEW),
    "net.inet.tcp.keepidle": Sysctl("in milliseconds", number("keepalive_idle", _MS), follows=ALL),
    "net.inet.tcp.keepintvl": Sysctl("in milliseconds", number("keepalive_interval", _MS), follows=ALL),
    "net.inet.tcp.keepcnt": Sysctl("unanswered probes", number("keepalive_count"), follows=ALL),
    "net.inet.tcp.delacktime": Sysctl("in milliseconds", _delack),
    "net.inet.tcp.rexmit_initial": Sysctl("in milliseconds", number("rto_initial", _MS)),
    "net.inet.tcp.rexmit_min": Sysctl("in milliseconds", number("rto_min", _MS)),
    "net.inet.tcp.msl": Sysctl(
        "in milliseconds; TIME-WAIT is twice as long", number("time_wait", 2 * _MS), follows=ALL
    ),
    "net.inet.tcp.finwait2_timeout": Sysctl("in milliseconds", number("fin_timeout", _MS), follows=ALL),
    "net.inet.tcp.initcwnd_segments": Sysctl("the initial window, in packets", number("initial_cwnd")),
    "net.inet.ip.ttl": Sysctl("TTL and hop limit", number("ttl"), ""),
    "kern.ipc.maxsockbuf": Sysctl("it makes the window scale", _maxsockbuf),
    "kern.ipc.somaxconn": Sysctl("the most that a backlog can be", number("somaxconn"), ""),
    "kern.ipc.soacceptqueue": Sysctl("the most that a backlog can be", number("somaxconn"), ""),
    # What nothing of our stack depends on
    "net.inet.tcp.insecure_rst": Sysctl("the checks of RFC 5961 cannot be turned off"),
    "net.inet.tcp.insecure_syn": Sysctl("the checks of RFC 5961 cannot be turned off"),
    "net.inet.tcp.insecure_ack": Sysctl("the checks of RFC 5961 cannot be turned off"),
    "net.inet.tcp.drop_synfin": Sysctl("it is on: a SYN with a FIN opens nothing"),
    "net.inet.tcp.icmp_may_rst": Sysctl("it is on: a hard ICMP error ends an attempt to connect"),
    "net.inet.tcp.blackhole": Sysctl("a port on which nobody listens answers with a RST"),
    "net.inet.tcp.syncookies": Sysctl("the oldest half-open connection gives way instead"),
    "net.inet.tcp.keepinit": Sysctl("an attempt to connect ends after so many SYNs, not so much time"),
    "net.inet.tcp.rexmit_slop": Sysctl("it is part of rexmit_min"),
    "net.inet.tcp.mssdflt": Sysctl("536 and 1,220 bytes (RFC 9293 MUST-15)"),
    "net.inet.tcp.path_mtu_discovery": Sysctl("a socket sets IP_MTU_DISCOVER for itself"),
    "net.inet.tcp.fastopen.server_enable": Sysctl("there is no TCP Fast Open"),
    "net.inet.tcp.fastopen.client_enable": Sysctl("there is no TCP Fast Open"),
    "net.inet.tcp.cc.algorithm": Sysctl("NewReno, always"),
    "net.inet.tcp.functions_default": Sysctl("there is one TCP"),
}
