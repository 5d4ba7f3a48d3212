"""A snapshot of a connection with the names and meanings of Linux's tcp_info."""

from dataclasses import dataclass

from pystack.tcp.core import Core


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
    """Window probes that have not been answered."""
    backoff: int
    """How often the time-out has been doubled."""
    timestamps: bool
    sack: bool
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
    unacked: int
    """Packets sent and not cumulatively acknowledged."""
    sacked: int
    lost: int
    retrans: int
    """Retransmissions in flight."""
    total_retrans: int
    """Packets retransmitted over the connection's life."""
    delivered: int
    """Packets that the peer has acknowledged in any way."""
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
    segs_out: int
    segs_in: int
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
        backoff=rtt.backoff,
        timestamps=agreed.timestamps,
        sack=agreed.sack,
        snd_wscale=agreed.snd_wscale,
        rcv_wscale=agreed.rcv_wscale,
        rto=rtt.rto // 1000,
        rtt=rtt.srtt // 1000,
        rttvar=rtt.rttvar // 1000,
        min_rtt=rtt.min_rtt // 1000,
        snd_mss=c.snd_mss,
        rcv_mss=c.acks.rcv_mss,
        advmss=c.advmss,
        unacked=board.packets_out,
        sacked=board.sacked_out,
        lost=board.lost_out,
        retrans=board.retrans_out,
        total_retrans=c.stats.retrans_segs,
        delivered=board.delivered,
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
        congestion=c.config.congestion,
    )
