"""What can be set about a TCP connection. One frozen value, shared; a listener or socket replaces fields of its own."""

from dataclasses import dataclass

from pystack.tcp.ecn import EcnMode

MILLISECOND = 1_000_000
SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpConfig:
    """The settings of a connection. Times are integer nanoseconds, sizes bytes, windows packets where so named."""

    congestion: str = "reno"
    """Name of the congestion controller (RFC 5681, 6582). Linux: net.ipv4.tcp_congestion_control."""

    initial_cwnd: int = 10
    """Initial window in packets (RFC 6928 section 2)."""

    slow_start_after_idle: bool = True
    """Begin with the initial window again after an idle time-out (RFC 5681 section 4.1).
    Linux: net.ipv4.tcp_slow_start_after_idle."""

    window_scaling: bool = True
    """Offer and accept the window scale option (RFC 7323 section 2). Linux: net.ipv4.tcp_window_scaling."""

    window_scale: int = 8
    """The shift count that we ask for, 0 to 14 (RFC 7323 section 2.3). Linux derives it from net.ipv4.tcp_rmem."""

    timestamps: bool = True
    """Offer and accept timestamps (RFC 7323 section 3). Linux: net.ipv4.tcp_timestamps."""

    sack: bool = True
    """Offer and accept selective acknowledgements (RFC 2018). Linux: net.ipv4.tcp_sack."""

    rcvbuf: int = 1 << 20
    """Most bytes of memory that unread and out-of-order data may hold; bounds RCV.WND. Linux: net.ipv4.tcp_rmem."""

    initial_rcv_wnd: int = 65535
    """The window that a connection begins with, at most 65,535 bytes; it grows as the application reads, up to
    `rcvbuf`. Linux: half of net.ipv4.tcp_rmem's second number."""

    max_mss: int = 0
    """Announce and send no more than this many bytes of text and options in a packet; 0: what the device takes. Socket
    option TCP_MAXSEG."""

    defer_accept: int = 0
    """How long a listener keeps a connection half open until text arrives. Socket option TCP_DEFER_ACCEPT."""

    sndbuf: int = 1 << 20
    """Most bytes that may be queued and not yet acknowledged. Linux: net.ipv4.tcp_wmem."""

    nodelay: bool = False
    """Turn the Nagle algorithm off (RFC 9293 section 3.7.4, MUST-17). Socket option TCP_NODELAY."""

    ecn: int = EcnMode.ACCEPT
    """Explicit congestion notification (RFC 3168): 0 off, 1 ask and accept, 2 accept. Linux: net.ipv4.tcp_ecn."""

    keepalive: bool = False
    """Watch over idle connections (RFC 9293 MUST-24, MUST-25). Socket option SO_KEEPALIVE."""

    keepalive_idle: int = 7200 * SECOND
    """Idle time before the first probe (MUST-27, MUST-28). Linux: net.ipv4.tcp_keepalive_time."""

    keepalive_interval: int = 75 * SECOND
    """Time between probes. Linux: net.ipv4.tcp_keepalive_intvl."""

    keepalive_count: int = 9
    """Unanswered probes before the connection fails (MUST-29). Linux: net.ipv4.tcp_keepalive_probes."""

    cork_limit: int = 200 * MILLISECOND
    """How long TCP_CORK and MSG_MORE hold text back."""

    dsack: bool = True
    """Report duplicates that arrive (RFC 2883). Linux: net.ipv4.tcp_dsack."""

    rfc1337: bool = False
    """Ignore resets in TIME-WAIT (RFC 1337 fix F1). Linux: net.ipv4.tcp_rfc1337."""

    soft_errors_end_connect: bool = False
    """Let a soft ICMP error (network or host unreachable) end an attempt to connect at once, as Linux does and RFC 9293
    MUST-56 forbids; off, the attempt goes on until it times out, and then says what ICMP had said."""

    cork: bool = False
    """Hold back what does not fill a packet, for at most `cork_limit`. Socket option TCP_CORK."""

    rto_initial: int = 1 * SECOND
    """Retransmission time-out before the first RTT sample (RFC 6298 rule 2.1)."""

    rto_min: int = 200 * MILLISECOND
    """Least room above SRTT in the time-out (RFC 6298 rule 2.4 says 1 s; Linux: TCP_RTO_MIN, 200 ms)."""

    rto_max: int = 120 * SECOND
    """Most that back-off may reach (RFC 6298 rule 2.5). Linux: TCP_RTO_MAX."""

    syn_retries: int = 6
    """SYN retransmissions before an active open fails (RFC 9293 MUST-22, 23). Linux: net.ipv4.tcp_syn_retries."""

    synack_retries: int = 5
    """SYN,ACK retransmissions before a half-open connection is dropped. Linux: net.ipv4.tcp_synack_retries."""

    retries: int = 15
    """R2 (RFC 9293 section 3.8.3): the connection fails once as much time has passed as this many retransmissions of
    the least time-out would take; 15 gives 924.6 s. Linux: net.ipv4.tcp_retries2."""

    orphan_retries: int = 8
    """R2 for a connection that no application holds any more. Linux: net.ipv4.tcp_orphan_retries."""

    user_timeout: int = 0
    """Fail after data has been unacknowledged for this long, 0: use `retries` (RFC 9293 MUST-21; RFC 5482)."""

    user_timeout_option: bool = False
    """Tell the peer our user timeout where one is set, and adopt the peer's where none is (RFC 5482 section 3.1)."""

    delayed_ack_min: int = 40 * MILLISECOND
    """Least time that an ACK is delayed. Linux: TCP_DELACK_MIN."""

    delayed_ack_max: int = 200 * MILLISECOND
    """Most time that an ACK is delayed (RFC 9293 MUST-40 allows less than 0.5 s). Linux: TCP_DELACK_MAX."""

    quick_acks: int = 16
    """How many segments at the start of a connection are acknowledged at once."""

    time_wait: int = 60 * SECOND
    """2 MSL: how long TIME-WAIT lasts (RFC 9293 MUST-13). Linux: TCP_TIMEWAIT_LEN, 60 s."""

    fin_timeout: int = 60 * SECOND
    """How long an orphan may stay in FIN-WAIT-2; negative: not at all, it is reset. Linux: net.ipv4.tcp_fin_timeout.
    Socket option TCP_LINGER2."""

    challenge_ack_interval: int = 500 * MILLISECOND
    """Least time between two ACKs that answer unacceptable segments (RFC 5961 section 7).
    Linux: net.ipv4.tcp_invalid_ratelimit."""
