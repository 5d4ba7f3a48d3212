"""What a connection has counted."""


class Stats:
    """Counts over the life of a connection, in packets and bytes of text; retransmissions count in both."""

    __slots__ = ("bytes_read", "bytes_received", "bytes_sent", "retrans_segs", "segs_in", "segs_out")

    def __init__(self) -> None:
        self.bytes_read = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self.retrans_segs = 0
        self.segs_in = 0
        self.segs_out = 0
