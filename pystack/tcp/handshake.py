"""What the two SYNs agree on (RFC 9293 section 3.7.1; RFC 7323 sections 2.2 and 3.2; RFC 2018 section 2)."""

from pystack.tcp.config import TcpConfig
from pystack.tcp.mss import peer_mss
from pystack.wire.options import Options

MAX_WINDOW_SCALE = 14


class Agreed:
    """What holds for the connection: `peer_mss` in bytes, whether windows are scaled, by how much the peer's window
    field is shifted (`snd_wscale`) and ours (`rcv_wscale`), and whether timestamps and selective acknowledgements are
    used.
    """

    __slots__ = ("peer_mss", "rcv_wscale", "sack", "scaling", "snd_wscale", "timestamps")

    def __init__(
        self, peer_mss: int, scaling: bool, snd_wscale: int, rcv_wscale: int, timestamps: bool, sack: bool
    ) -> None:
        self.peer_mss = peer_mss
        self.scaling = scaling
        self.snd_wscale = snd_wscale
        self.rcv_wscale = rcv_wscale
        self.timestamps = timestamps
        self.sack = sack


def window_shift(window: int) -> int:
    """The least shift count with which the field of 16 bits can tell of such a window (RFC 7323 section 2.3), a last
    unit aside. As Linux chooses it.
    """
    return min(max(window.bit_length() - 16, 0), MAX_WINDOW_SCALE)


def _shift(config: TcpConfig) -> int:
    """What we shift our window field by: no more than the receive buffer has bits, else no window could be told."""
    return min(config.window_scale, MAX_WINDOW_SCALE, max(config.rcvbuf.bit_length() - 1, 0))


def offer(config: TcpConfig, advmss: int) -> Options:
    """The options of our SYN; the timestamp is filled in when it is sent."""
    return Options(
        mss=advmss,
        wscale=_shift(config) if config.window_scaling else None,
        sack_permitted=config.sack,
        ts_val=0 if config.timestamps else None,
    )


def agree(config: TcpConfig, peer: Options, default_mss: int) -> Agreed:
    """What our settings and the peer's SYN have in common. `default_mss` holds where the peer sends no MSS: 536 on
    IPv4, 1220 on IPv6 (MUST-15).
    """
    scaling = config.window_scaling and peer.wscale is not None
    return Agreed(
        peer_mss=peer_mss(peer.mss, default_mss),
        scaling=scaling,
        snd_wscale=min(peer.wscale or 0, MAX_WINDOW_SCALE) if scaling else 0,
        rcv_wscale=_shift(config) if scaling else 0,
        timestamps=config.timestamps and peer.ts_val is not None,
        sack=config.sack and peer.sack_permitted,
    )


def answer(agreed: Agreed, advmss: int) -> Options:
    """The options of our SYN,ACK: only what the peer's SYN had too."""
    return Options(
        mss=advmss,
        wscale=agreed.rcv_wscale if agreed.scaling else None,
        sack_permitted=agreed.sack,
        ts_val=0 if agreed.timestamps else None,
    )
