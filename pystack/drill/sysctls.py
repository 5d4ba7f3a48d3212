"""Sysctls, by their names: what each is among the settings of our stack, or why it is none of them.

Names have dots; those that begin with `net.ipv6.` and differ in nothing else are those of `net.ipv4.`. The names of
BSD are in `pystack.drill.sysctls_bsd`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from pystack.tcp.congestion.registry import congestion_controls
from pystack.tcp.ecn import EcnMode
from pystack.tcp.handshake import window_shift

_SECOND: Final = 1_000_000_000
_MS: Final = 1_000_000
_TWO_INITIAL_WINDOWS: Final = 46_080
"""Linux: tcp_sndbuf_expand, for an MSS of 1,460 bytes."""

Change = dict[str, Any]
Read = Callable[[str], Change]
"""The fields that a value changes. Raises `ValueError` for one that is none."""


class Follows(Enum):
    """Who follows when a sysctl changes, beside what is made after it. As in Linux."""

    NOBODY = "new sockets"
    SOCKETS = "new connections"
    """Sockets and listeners that have no connection yet, where they have not set it for themselves."""
    CONNECTIONS = "all connections"


@dataclass(frozen=True, slots=True)
class Sysctl:
    """One sysctl. `read` gives the fields of `TcpConfig`, or with `part` those of another part of a host's settings
    (`""`: of `Config` itself); `None`: it is known, and nothing of the stack depends on it, for the reason in `note`.
    """

    note: str
    read: Read | None = None
    part: str = "tcp"
    follows: Follows = Follows.SOCKETS


def integer(text: str) -> int:
    """A number as sysctl takes it. Raises `ValueError`."""
    return int(text.strip(), 0)


def flag(field: str) -> Read:
    """On or off."""
    return lambda text: {field: integer(text) != 0}


def number(field: str, unit: int = 1) -> Read:
    """A number; `unit` is what 1 means."""
    return lambda text: {field: integer(text) * unit}


def _three(text: str) -> tuple[int, int, int]:
    least, default, most = (integer(part) for part in text.split())
    return least, default, most


def _pair(text: str) -> tuple[int, int]:
    first, last = (integer(part) for part in text.split())
    return first, last


def _rmem(text: str) -> Change:
    """Linux takes half of a buffer for what packets hold beside their text; ours counts what they really hold. The
    window scale is what the largest buffer needs.
    """
    _, default, most = _three(text)
    return {
        "rcvbuf": max(default, most) // 2,
        "initial_rcv_wnd": min(default // 2, 0xFFFF),
        "window_scale": window_shift(most),
    }


def _wmem(text: str) -> Change:
    """A new connection's buffer has room for two initial windows of packets in Linux, whatever the default says."""
    _, default, most = _three(text)
    return {"sndbuf": max(default, min(most, _TWO_INITIAL_WINDOWS))}


def _congestion(text: str) -> Change:
    name = text.strip()
    if name == "cubic" and name not in congestion_controls():
        return {}
    if name not in congestion_controls():
        raise ValueError(f"there is no congestion control {name!r}")
    return {"congestion": name}


def _ecn(text: str) -> Change:
    value = integer(text)
    if value not in tuple(EcnMode):
        raise ValueError(f"tcp_ecn {value}: accurate ECN is not there")
    return {"ecn": value}


NEW: Final = Follows.NOBODY
ALL: Final = Follows.CONNECTIONS
_TIME_WAIT: Final = "sockets of ours leave TIME-WAIT by themselves"
_FAST_OPEN: Final = "there is no TCP Fast Open"
_PACING: Final = "nothing is paced"
_RACK: Final = "losses are found by RFC 6675 and RFC 6582"
_BATCHES: Final = "segments leave one by one"
_ACCECN: Final = "there is no accurate ECN"
_OUTSIDE: Final = "it is no matter of one connection on a stack of its own"

SYSCTLS: Final[Mapping[str, Sysctl]] = {
    "net.ipv4.tcp_congestion_control": Sysctl(
        "the controller; there is no CUBIC, and Reno stands in for it", _congestion, follows=NEW
    ),
    "net.ipv4.tcp_sack": Sysctl("offer and take SACK", flag("sack")),
    "net.ipv4.tcp_dsack": Sysctl("report duplicates", flag("dsack"), follows=ALL),
    "net.ipv4.tcp_timestamps": Sysctl("offer and take timestamps", flag("timestamps")),
    "net.ipv4.tcp_window_scaling": Sysctl("offer and take window scaling", flag("window_scaling")),
    "net.ipv4.tcp_ecn": Sysctl("0 off, 1 ask and accept, 2 accept", _ecn),
    "net.ipv4.tcp_rmem": Sysctl("half of it is window; the largest makes the window scale", _rmem, follows=NEW),
    "net.ipv4.tcp_wmem": Sysctl("the send buffer; it does not grow", _wmem, follows=NEW),
    "net.ipv4.tcp_syn_retries": Sysctl("SYNs sent again", number("syn_retries"), follows=ALL),
    "net.ipv4.tcp_synack_retries": Sysctl("SYN,ACKs sent again", number("synack_retries"), follows=ALL),
    "net.ipv4.tcp_retries2": Sysctl("R2, as a time", number("retries"), follows=ALL),
    "net.ipv4.tcp_orphan_retries": Sysctl(
        "R2 of orphans; 0 is 8, as in Linux", lambda t: {"orphan_retries": integer(t) or 8}, follows=ALL
    ),
    "net.ipv4.tcp_fin_timeout": Sysctl(
        "FIN-WAIT-2 of orphans, in seconds", number("fin_timeout", _SECOND), follows=ALL
    ),
    "net.ipv4.tcp_keepalive_time": Sysctl("in seconds", number("keepalive_idle", _SECOND), follows=ALL),
    "net.ipv4.tcp_keepalive_intvl": Sysctl("in seconds", number("keepalive_interval", _SECOND), follows=ALL),
    "net.ipv4.tcp_keepalive_probes": Sysctl("unanswered probes", number("keepalive_count"), follows=ALL),
    "net.ipv4.tcp_slow_start_after_idle": Sysctl(
        "the initial window again after an idle RTO", flag("slow_start_after_idle"), follows=ALL
    ),
    "net.ipv4.tcp_rfc1337": Sysctl("ignore resets in TIME-WAIT", flag("rfc1337"), follows=ALL),
    "net.ipv4.tcp_invalid_ratelimit": Sysctl("in milliseconds", number("challenge_ack_interval", _MS)),
    "net.ipv4.tcp_rto_min_us": Sysctl("in microseconds", number("rto_min", 1000)),
    "net.ipv4.tcp_rto_max_ms": Sysctl("in milliseconds", number("rto_max", _MS)),
    "net.ipv4.tcp_max_syn_backlog": Sysctl("half-open connections of one listener", number("syn_queue"), ""),
    "net.ipv4.tcp_max_tw_buckets": Sysctl("connections in TIME-WAIT", number("max_tw"), ""),
    "net.core.somaxconn": Sysctl("the most that a backlog can be", number("somaxconn"), ""),
    "net.ipv4.ip_default_ttl": Sysctl("TTL and hop limit", number("ttl"), ""),
    "net.ipv4.ip_local_port_range": Sysctl(
        "the first and last ephemeral port", lambda t: {"ephemeral_ports": _pair(t)}, ""
    ),
    "net.ipv4.icmp_ratelimit": Sysctl("in milliseconds", number("icmp_ratelimit", _MS), "ip"),
    "net.ipv4.icmp_msgs_per_sec": Sysctl("ICMP errors to all hosts", number("icmp_msgs_per_sec"), "ip"),
    "net.ipv4.icmp_msgs_burst": Sysctl("ICMP errors at once", number("icmp_msgs_burst"), "ip"),
    "net.ipv4.route.min_pmtu": Sysctl("the least path MTU", number("min_pmtu"), "ip"),
    "net.ipv4.route.mtu_expires": Sysctl("in seconds", number("mtu_expires", _SECOND), "ip"),
    # What nothing of our stack depends on
    "net.ipv4.tcp_early_retrans": Sysctl("there is no tail loss probe"),
    "net.ipv4.tcp_recovery": Sysctl(_RACK),
    "net.ipv4.tcp_reordering": Sysctl("three duplicates are a loss, always"),
    "net.ipv4.tcp_max_reordering": Sysctl("three duplicates are a loss, always"),
    "net.ipv4.tcp_fack": Sysctl("Linux ignores it too"),
    "net.ipv4.tcp_frto": Sysctl("a spurious time-out is not noticed"),
    "net.ipv4.tcp_min_tso_segs": Sysctl(_BATCHES),
    "net.ipv4.tcp_tso_win_divisor": Sysctl(_BATCHES),
    "net.ipv4.tcp_tso_rtt_log": Sysctl(_BATCHES),
    "net.ipv4.tcp_autocorking": Sysctl(_BATCHES),
    "net.ipv4.tcp_limit_output_bytes": Sysctl("nothing waits below TCP"),
    "net.ipv4.tcp_pacing_ss_ratio": Sysctl(_PACING),
    "net.ipv4.tcp_pacing_ca_ratio": Sysctl(_PACING),
    "net.ipv4.tcp_notsent_lowat": Sysctl("a socket sets it for itself"),
    "net.ipv4.tcp_mtu_probing": Sysctl("the path MTU comes from ICMP alone"),
    "net.ipv4.tcp_base_mss": Sysctl("the path MTU comes from ICMP alone"),
    "net.ipv4.tcp_mtu_probe_floor": Sysctl("the path MTU comes from ICMP alone"),
    "net.ipv4.tcp_min_snd_mss": Sysctl("48, as Linux has it"),
    "net.ipv4.tcp_fastopen": Sysctl(_FAST_OPEN),
    "net.ipv4.tcp_fastopen_key": Sysctl(_FAST_OPEN),
    "net.ipv4.tcp_fastopen_blackhole_timeout_sec": Sysctl(_FAST_OPEN),
    "net.ipv4.tcp_syncookies": Sysctl("the oldest half-open connection gives way instead"),
    "net.ipv4.tcp_shrink_window": Sysctl("the right edge of a window never moves left"),
    "net.ipv4.tcp_linear_timeouts": Sysctl("every time-out doubles"),
    "net.ipv4.tcp_syn_linear_timeouts": Sysctl("every time-out doubles"),
    "net.ipv4.tcp_thin_linear_timeouts": Sysctl("every time-out doubles"),
    "net.ipv4.tcp_retries1": Sysctl("the route is never asked for anew"),
    "net.ipv4.tcp_no_metrics_save": Sysctl("nothing is kept of a connection that is over"),
    "net.ipv4.tcp_no_ssthresh_metrics_save": Sysctl("nothing is kept of a connection that is over"),
    "net.ipv4.tcp_moderate_rcvbuf": Sysctl("the window grows by what is read, always"),
    "net.ipv4.tcp_adv_win_scale": Sysctl("what packets hold is counted"),
    "net.ipv4.tcp_app_win": Sysctl("what packets hold is counted"),
    "net.ipv4.tcp_workaround_signed_windows": Sysctl("windows are unsigned"),
    "net.ipv4.tcp_tw_reuse": Sysctl(_TIME_WAIT),
    "net.ipv4.tcp_tw_reuse_delay": Sysctl(_TIME_WAIT),
    "net.ipv4.tcp_abort_on_overflow": Sysctl("a full queue is passed over in silence"),
    "net.ipv4.tcp_challenge_ack_limit": Sysctl("each connection has a limit of its own"),
    "net.ipv4.tcp_comp_sack_nr": Sysctl("no ACK is held back to be merged"),
    "net.ipv4.tcp_comp_sack_delay_ns": Sysctl("no ACK is held back to be merged"),
    "net.ipv4.tcp_comp_sack_slack_ns": Sysctl("no ACK is held back to be merged"),
    "net.ipv4.tcp_ecn_fallback": Sysctl("it is on: the second SYN asks for nothing"),
    "net.ipv4.tcp_ecn_option": Sysctl(_ACCECN),
    "net.ipv4.tcp_ecn_option_beacon": Sysctl(_ACCECN),
    "net.ipv4.tcp_stdurg": Sysctl("the pointer is the field's (RFC 6093), as in Linux"),
    "net.ipv4.tcp_mem": Sysctl("a host's budget is one number", None),
    "net.ipv4.tcp_available_congestion_control": Sysctl("it can only be read"),
    "net.ipv4.tcp_allowed_congestion_control": Sysctl("every controller is allowed"),
    "net.ipv4.ip_no_pmtu_disc": Sysctl("a socket sets IP_MTU_DISCOVER for itself"),
    "net.ipv4.ip_nonlocal_bind": Sysctl(_OUTSIDE),
    "net.ipv4.ip_forward": Sysctl(_OUTSIDE),
    "net.core.default_qdisc": Sysctl(_PACING),
    "net.core.rmem_default": Sysctl("unread datagrams of a UDP socket", number("rcvbuf"), "udp"),
    "net.core.wmem_default": Sysctl("what SO_SNDBUF of a UDP socket says", number("sndbuf"), "udp"),
    "net.core.rmem_max": Sysctl("what a socket asks for is granted"),
    "net.core.wmem_max": Sysctl("what a socket asks for is granted"),
    "net.core.optmem_max": Sysctl(_OUTSIDE),
    "net.core.netdev_max_backlog": Sysctl(_OUTSIDE),
}
"""Linux's. What is not here is unknown."""

PROFILE: Final[Mapping[str, str]] = {
    "net.ipv4.tcp_congestion_control": "cubic",
    "net.ipv4.tcp_sack": "1",
    "net.ipv4.tcp_dsack": "1",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_window_scaling": "1",
    "net.ipv4.tcp_ecn": "0",
    "net.ipv4.tcp_ecn_option": "2",
    "net.ipv4.tcp_rmem": "4096 540000 15728640",
    "net.ipv4.tcp_wmem": "4096 262144 4194304",
    "net.ipv4.tcp_syn_retries": "5",
    "net.ipv4.tcp_synack_retries": "5",
    "net.ipv4.tcp_early_retrans": "4",
    "net.ipv4.tcp_recovery": "1",
    "net.ipv4.tcp_reordering": "3",
    "net.ipv4.tcp_fack": "0",
    "net.ipv4.tcp_frto": "2",
    "net.ipv4.tcp_slow_start_after_idle": "0",
    "net.ipv4.tcp_min_tso_segs": "2",
    "net.ipv4.tcp_tso_win_divisor": "3",
    "net.ipv4.tcp_pacing_ss_ratio": "200",
    "net.ipv4.tcp_pacing_ca_ratio": "120",
    "net.ipv4.tcp_notsent_lowat": "4294967295",
    "net.ipv4.tcp_mtu_probing": "0",
    "net.ipv4.tcp_base_mss": "1024",
    "net.ipv4.tcp_fastopen": "0x70403",
    "net.ipv4.tcp_fastopen_key": "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4",
    "net.ipv4.tcp_fastopen_blackhole_timeout_sec": "0",
    "net.ipv4.tcp_syncookies": "1",
}
"""What a script's `defaults.sh` sets."""
