"""The fields of a TCP snapshot (`tcp_info`) in words, for people: a name, and the value with its unit."""

from collections.abc import Callable
from typing import Final

_RECOVERY: Final = {
    0: "Open: nothing is missing",
    1: "Disorder: something seems to be out of order",
    2: "CWR: slowed down, nothing was lost",
    3: "Recovery: sending again what was lost",
    4: "Loss: starting anew after a time-out",
}
_NO_LIMIT: Final = 0x7FFF_FFFF
"""`snd_ssthresh` before the first reduction."""


def _milliseconds(value: int) -> str:
    return f"{value / 1000:,.3f} ms"


def _round_trip(value: int) -> str:
    return _milliseconds(value) if value else "not measured yet"


def _count(unit: str) -> Callable[[int], str]:
    return lambda value: f"{value:,} {unit}{'' if value == 1 else 's'}"


_bytes, _packets, _times = _count("byte"), _count("packet"), _count("time")


def _threshold(value: int) -> str:
    return "none yet" if value >= _NO_LIMIT else _packets(value)


def _factor(value: int) -> str:
    return f"× {1 << value}"


def _since(value: int) -> str:
    return _milliseconds(1000 * value)


def _agreed(value: bool) -> str:
    return "agreed" if value else "not agreed"


_WORDS: Final[dict[str, tuple[str, Callable[..., str]]]] = {
    "state": ("State", str),
    "congestion": ("Congestion control", str),
    "ca_state": ("Loss recovery", lambda value: _RECOVERY.get(value, str(value))),
    "rtt": ("Round-trip time, smoothed", _round_trip),
    "rttvar": ("Round-trip time, how much it varies", _milliseconds),
    "min_rtt": ("Round-trip time, the least", _round_trip),
    "rto": ("Retransmission time-out", _milliseconds),
    "retransmits": ("Time-outs in a row", _times),
    "backoff": ("Time-out doubled", _times),
    "probes": ("Window probes without an answer", _packets),
    "timestamps": ("Timestamps", _agreed),
    "sack": ("Selective acknowledgements", _agreed),
    "wscale": ("Window scaling", _agreed),
    "ecn": ("Explicit congestion notification", _agreed),
    "ecn_seen": ("… and packets of yours that say so", lambda value: "seen" if value else "not seen"),
    "snd_wscale": ("Window scale, yours", _factor),
    "rcv_wscale": ("Window scale, ours", _factor),
    "snd_mss": ("Text in a packet that we send, at most", _bytes),
    "rcv_mss": ("Text in a packet of yours, by estimate", _bytes),
    "advmss": ("Text in a packet of yours, as we asked for, at most", _bytes),
    "snd_cwnd": ("Congestion window", _packets),
    "snd_ssthresh": ("Slow start ends at", _threshold),
    "snd_wnd": ("Window that you offer", _bytes),
    "rcv_wnd": ("Window that we offer", _bytes),
    "unacked": ("Sent and not acknowledged", _packets),
    "sacked": ("… of these selectively acknowledged", _packets),
    "lost": ("… of these taken for lost", _packets),
    "retrans": ("… of these sent again", _packets),
    "total_retrans": ("Sent again, in all", _packets),
    "delivered": ("Delivered to you", _packets),
    "delivered_ce": ("… of these marked for congestion", _packets),
    "dsack_dups": ("Had twice, as you report", _packets),
    "reordering": ("Overtaken by so many, a packet is taken for lost", _packets),
    "notsent_bytes": ("Waiting to be sent", _bytes),
    "bytes_sent": ("Sent", _bytes),
    "bytes_acked": ("Acknowledged by you", _bytes),
    "bytes_received": ("Received from you", _bytes),
    "segs_out": ("Segments sent", _count("segment")),
    "segs_in": ("Segments received", _count("segment")),
    "bytes_retrans": ("Sent again, in all, as bytes", _bytes),
    "data_segs_out": ("Segments with text sent", _count("segment")),
    "data_segs_in": ("Segments with text received", _count("segment")),
    "rcv_ooopack": ("Received out of order", _packets),
    "last_data_sent": ("Since we last sent text", _since),
    "last_data_recv": ("Since text of yours last came", _since),
    "last_ack_recv": ("Since you last acknowledged", _since),
    "busy_time": ("Time with something to send", _milliseconds),
    "rwnd_limited": ("… of this held up by your window", _milliseconds),
    "sndbuf_limited": ("… of this held up by our send buffer", _milliseconds),
}


def in_words(fields: dict[str, object]) -> list[tuple[str, str]]:
    """Names and values to show: those of Linux's tcp_info that are known here first, with units (times come in
    microseconds), then the others as they are."""
    known = [(name, show(fields[key])) for key, (name, show) in _WORDS.items() if key in fields]
    return known + [(key, str(value)) for key, value in fields.items() if key not in _WORDS]
