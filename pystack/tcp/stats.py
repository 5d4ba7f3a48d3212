"""What a connection has counted."""


class Stats:
    """Counts over the life of a connection, in packets and bytes of text; retransmissions count in both.

    `data_segs_in` and `data_segs_out` carried text; `delivered_ce` were acknowledged by segments that echo a congestion
    mark; `dsack_dups` are those of ours that the peer has had twice; `ooo_segs` came out of order.
    """

    __slots__ = (
        "bytes_read",
        "bytes_received",
        "bytes_retrans",
        "bytes_sent",
        "data_segs_in",
        "data_segs_out",
        "delivered_ce",
        "dsack_dups",
        "ooo_segs",
        "retrans_segs",
        "segs_in",
        "segs_out",
    )

    def __init__(self) -> None:
        self.bytes_read = 0
        self.bytes_received = 0
        self.bytes_retrans = 0
        self.bytes_sent = 0
        self.data_segs_in = 0
        self.data_segs_out = 0
        self.delivered_ce = 0
        self.dsack_dups = 0
        self.ooo_segs = 0
        self.retrans_segs = 0
        self.segs_in = 0
        self.segs_out = 0
