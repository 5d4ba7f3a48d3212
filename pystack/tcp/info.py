"""A snapshot of a connection with the names and meanings of Linux's tcp_info."""

from dataclasses import dataclass

from pystack.tcp.chrono import Limit
from pystack.tcp.core import Core
from pystack.tcp.loss import DUPTHRESH
from pystack.tcp.mss import TIMESTAMP_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpInfo:
    """Times are microseconds where Linux has microseconds, windows and counts of segments are packets, sizes bytes."""

    state: str
    """RFC 9293's name, for example `ESTABLISHED`."""
    ca_state: int
    """0 Open, 1 Disorder, 2 CWR, 3 Recovery, 4 Loss."""
    retransmits: int
    """Retransmission time-outs in a row."""
    probes: int
    """Window probes and keep-alive probes that have not been answered."""
    backoff: int
    """How often the time-out, or the time between window probes, has been doubled."""
    timestamps: bool
    sack: bool
    wscale: bool
    ecn: bool
    ecn_seen: bool
    """Whether the peer has sent packets that are ECN-capable."""
    snd_wscale: int
    rcv_wscale: int
    rto: int
    rtt: int
    """Smoothed round-trip time."""
    rttvar: int
    min_rtt: int
    snd_mss: int
    rcv_mss: int
    advmss: int
    """What we have announced, less the bytes of the timestamps."""
    reordering: int
    """How many packets must have overtaken one for it to be lost."""
    unacked: int
    """Packets sent and not cumulatively acknowledged."""
    sacked: int
    """Packets that the peer holds selectively; without SACK the duplicate ACKs."""
    lost: int
    retrans: int
    """Retransmissions in flight."""
    total_retrans: int
    """Packets retransmitted over the connection's life."""
    delivered: int
    """Packets that the peer has acknowledged in any way."""
    delivered_ce: int
    """Those of them whose acknowledgements echo a congestion mark."""
    dsack_dups: int
    """Packets that the peer reports to have had twice (RFC 2883)."""
    snd_ssthresh: int
    snd_cwnd: int
    snd_wnd: int
    """The peer's window in bytes."""
    rcv_wnd: int
    """What is left of the window that we offered, in bytes."""
    notsent_bytes: int
    bytes_sent: int
    bytes_acked: int
    bytes_received: int
    bytes_retrans: int
    segs_out: int
    segs_in: int
    data_segs_out: int
    data_segs_in: int
    rcv_ooopack: int
    """Packets with text that arrived out of order."""
    last_data_sent: int
    """Milliseconds since text was last sent for the first time, or since the handshake."""
    last_data_recv: int
    """The same since text last arrived in order."""
    last_ack_recv: int
    """The same since the peer last acknowledged anything."""
    busy_time: int
    """How long there was something to send or in flight."""
    rwnd_limited: int
    """The part of it in which the peer's window was what kept text back."""
    sndbuf_limited: int
    """The part of it in which the application would have sent more if the send buffer had had room."""
    congestion: str
    """Name of the congestion controller."""


def snapshot(c: Core, now: int) -> TcpInfo:
    """What `Connection.info` returns."""
    agreed, board, rtt, snd = c.agreed, c.board, c.rtt, c.tcb.snd
    return TcpInfo(
        state=str(c.tcb.state),
        ca_state=int(c.recovery.state),
        retransmits=c.retransmits,
        probes=c.probes,
        backoff=rtt.backoff or c.probe_backoff,
        timestamps=agreed.timestamps,
        sack=agreed.sack,
        wscale=agreed.scaling,
        ecn=c.ecn.active,
        ecn_seen=c.ecn.seen,
        snd_wscale=agreed.snd_wscale,
        rcv_wscale=agreed.rcv_wscale,
        rto=rtt.rto // 1000,
        rtt=rtt.srtt // 1000,
        rttvar=rtt.rttvar // 1000,
        min_rtt=rtt.min_rtt // 1000,
        snd_mss=c.snd_mss,
        rcv_mss=c.acks.rcv_mss,
        advmss=c.advmss - (TIMESTAMP_BYTES if agreed.timestamps else 0),
        reordering=DUPTHRESH,
        unacked=board.packets_out,
        sacked=board.sacked_out,
        lost=board.lost_out,
        retrans=board.retrans_out,
        total_retrans=c.stats.retrans_segs,
        delivered=board.delivered,
        delivered_ce=c.stats.delivered_ce,
        dsack_dups=c.stats.dsack_dups,
        snd_ssthresh=c.cc.ssthresh,
        snd_cwnd=c.cc.cwnd,
        snd_wnd=snd.wnd,
        rcv_wnd=c.tcb.rcv.wnd,
        notsent_bytes=c.unsent,
        bytes_sent=c.stats.bytes_sent,
        bytes_acked=max(0, snd.una - c.tcb.iss - 1 - c.fin_acked),
        bytes_received=c.stats.bytes_received,
        segs_out=c.stats.segs_out,
        segs_in=c.stats.segs_in,
        bytes_retrans=c.stats.bytes_retrans,
        data_segs_out=c.stats.data_segs_out,
        data_segs_in=c.stats.data_segs_in,
        rcv_ooopack=c.stats.ooo_segs,
        last_data_sent=_since(c, c.sent_at, now),
        last_data_recv=_since(c, c.acks.last_text_at, now),
        last_ack_recv=_since(c, c.received_at, now),
        busy_time=c.limits.spent(now, Limit.BUSY, Limit.RECEIVER, Limit.BUFFER) // 1000,
        rwnd_limited=c.limits.spent(now, Limit.RECEIVER) // 1000,
        sndbuf_limited=c.limits.spent(now, Limit.BUFFER) // 1000,
        congestion=c.config.congestion,
    )


def _since(c: Core, then: int, now: int) -> int:
    """Milliseconds since `then`, or since the handshake where nothing has happened yet; 0 before it."""
    began = then or c.established_at
    return (now - began) // 1_000_000 if began else 0
