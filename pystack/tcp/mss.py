"""How large is a packet that we send (RFC 9293 section 3.7.1)? What limits it, each limit with its floor.

Sizes are in bytes, without the fixed headers of IP and TCP.
"""

TIMESTAMP_BYTES = 12

LEAST_PEER_MSS = 48
"""The least MSS that we believe: less would make headers dearer than text. Linux: net.ipv4.tcp_min_snd_mss."""
LEAST_SEND_MSS = 8
"""No path and no options leave less than this for text; less would not be worth a packet."""
LEAST_HALF_WINDOW = 48
"""A window smaller than this does not make packets smaller, which would cost more headers than it saves waiting."""


def peer_mss(announced: int | None, default: int) -> int:
    """SendMSS: what the peer's SYN announced, or the default of its address family (MUST-15). Text and options."""
    return max(LEAST_PEER_MSS, announced or default)


def send_mss(*, peer_mss: int, path_mss: int, timestamps: bool) -> int:
    """Eff.snd.MSS (MUST-16) but for the options that vary: the text that the peer and the path take, both told as text
    and options.
    """
    return max(min(peer_mss, path_mss) - (TIMESTAMP_BYTES if timestamps else 0), LEAST_SEND_MSS)


def effective_mss(*, send_mss: int, sack_bytes: int, max_wnd: int) -> int:
    """The text in one packet: the MSS less the SACK blocks that will ride along (MUST-16), and no more than half of
    the largest window that the peer ever offered, so that one with a tiny buffer can have two packets in flight.
    """
    bound = max_wnd >> 1 if max_wnd > 536 else max_wnd
    return max(min(send_mss - sack_bytes, max(bound, LEAST_HALF_WINDOW)), 1)
