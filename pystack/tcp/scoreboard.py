"""What has been sent and not yet acknowledged: one record per transmitted range (RFC 6675's scoreboard).

Windows are counted in *packets*, as Linux counts them (see `pystack.tcp.record`), and a record is only ever split
between two of its packets. Every count is kept as a running sum, so that an ACK
costs what it changes, never the length of the window.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from heapq import heappop, heappush

from pystack.tcp.delivered import Delivered
from pystack.tcp.record import Record
from pystack.tcp.runs import Runs


class Scoreboard:
    """The records in sequence order, and the sums over them in packets.

    `packets_out`: all of them; `sacked_out`: those that the peer holds (without SACK: the duplicate ACKs counted);
    `lost_out`: those taken for lost; `retrans_out`: retransmissions in flight.
    """

    __slots__ = (
        "_head",
        "_held",
        "_loss_edge",
        "_lost",
        "_records",
        "_serial",
        "delivered",
        "lost_out",
        "packets_out",
        "retrans_out",
        "sacked_out",
    )

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._head = 0
        self._held = Runs()
        self._lost: list[tuple[int, int, Record]] = []
        self._loss_edge = 0
        self._serial = 0
        self.delivered = 0
        """Packets that the peer has acknowledged in any way, over the life of the connection."""
        self.packets_out = 0
        self.sacked_out = 0
        self.lost_out = 0
        self.retrans_out = 0

    def __bool__(self) -> bool:
        return self._head < len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records[self._head :])

    @property
    def in_flight(self) -> int:
        """Packets that are believed to be in the network (RFC 6675's pipe)."""
        return self.packets_out - self.sacked_out - self.lost_out + self.retrans_out

    @property
    def waiting(self) -> int:
        """Packets that are taken for lost and have not been sent again since."""
        return self.lost_out - self.retrans_out

    @property
    def head(self) -> Record:
        """The record that SND.UNA lies in."""
        return self._records[self._head]

    def sent(self, record: Record) -> None:
        """Adds a range that was transmitted for the first time, at the end."""
        self._records.append(record)
        self.packets_out += record.packets

    def acknowledge(self, una: int, delivered: Delivered) -> None:
        """Takes off what lies before `una` (RFC 9293's SND.UNA <- SEG.ACK), and tells `delivered`."""
        records, head = self._records, self._head
        while head < len(records):
            record = records[head]
            if record.end > una:
                # Part of it: a peer acknowledges whole packets, or the split is rounded down to one.
                edge = record.edge_before(una)
                if edge <= record.start:
                    break
                records.insert(head + 1, self._split(record, edge))
            head += 1
            packets = record.packets
            delivered.acknowledged(record)
            self.packets_out -= packets
            if record.sacked:
                self.sacked_out -= packets
            else:
                self.delivered += packets
            if record.lost:
                self.lost_out -= packets
                record.lost = False
            if record.retransmitted:
                self.retrans_out -= packets
        if head == len(records) or (head > 64 and head * 2 > len(records)):
            del records[:head]
            head = 0
        self._head = head
        self._held.forget_before(self.head.start if self else una)

    def selectively_acknowledge(self, left: int, right: int, delivered: Delivered) -> None:
        """Marks what lies wholly in [left, right), and tells `delivered` what is newly marked (RFC 2018 section 5)."""
        records = self._records
        index = bisect_right(records, left, self._head, key=_start) - 1
        index = max(index, self._head)
        while index < len(records) and records[index].start < right:
            record = records[index]
            if record.sacked:  # and so are its neighbours, perhaps: however often they are reported, one step
                index = bisect_left(records, self._held.end_of(record.start), index, key=_start)
                continue
            index += 1
            if record.start < left:
                edge = record.edge_after(left)
                if edge < min(record.end, right):
                    records.insert(index, self._split(record, edge))
                continue
            if record.end > right:
                edge = record.edge_before(right)
                if edge <= record.start:
                    break
                records.insert(index, self._split(record, edge))
            delivered.reported(record)
            self._mark_sacked(record)

    def mark_lost_below(self, edge: int) -> None:
        """Marks as lost what begins before `edge` and the peer does not hold, but for what was sent again. Each record
        is looked at once: what it passed over before stays as it was.
        """
        if edge <= self._loss_edge:
            return
        records = self._records
        index = bisect_left(records, self._loss_edge, self._head, key=_start)
        while index < len(records) and records[index].start < edge:
            record = records[index]
            index += 1
            if not record.sacked and not record.lost and not record.retransmitted:
                self._mark_lost(record)
        self._loss_edge = edge

    def edge_below(self, packets: int) -> int:
        """The highest number that so many selectively acknowledged packets lie at or above; 0 where there are fewer."""
        records, above = self._records, 0
        for start, end in reversed(self._held):
            index = bisect_left(records, end, self._head, key=_start)
            while index > self._head and records[index - 1].start >= start:
                index -= 1
                above += records[index].packets
                if above >= packets:
                    return records[index].start
        return 0

    def count_duplicate(self) -> None:
        """Without SACK: a duplicate ACK says that one more packet has left the network."""
        self.sacked_out += 1
        self._bound_duplicates()

    def release_duplicates(self, packets: int) -> None:
        """Without SACK: `packets` of those that duplicate ACKs had stood for are acknowledged."""
        self.sacked_out = max(0, self.sacked_out - packets)
        self._bound_duplicates()

    def forget_duplicates(self) -> None:
        """Without SACK: the duplicate ACKs that were counted stand for nothing any more."""
        self.sacked_out = 0

    def _bound_duplicates(self) -> None:
        """A packet that is lost cannot have caused a duplicate ACK: more duplicates than the other packets were copies
        that the network made, and would have the sender believe that fewer than none are in flight.
        """
        self.sacked_out = min(self.sacked_out, self.packets_out - self.lost_out)

    def mark_head_lost(self) -> None:
        """Marks the first packet as lost (RFC 6582: the one that a partial acknowledgement points at)."""
        record = self.head
        if record.packets > 1:
            self._records.insert(self._head + 1, self._split(record, record.start + record.mss))
        if record.retransmitted:
            record.retransmitted = False
            self.retrans_out -= record.packets
            self._queue(record)
        if not record.lost and not record.sacked:
            self._mark_lost(record)
        self._bound_duplicates()

    def mark_all_lost(self) -> None:
        """After a retransmission time-out: all that the peer does not hold is taken for lost, and retransmissions in
        flight are forgotten. Where the peer has dropped what it had selectively acknowledged (the first record is
        among it: reneging, RFC 2018 section 8), the marks are taken back first.
        """
        records = self._records[self._head :]
        reneged = bool(records) and records[0].sacked
        self._lost.clear()
        self.lost_out = self.retrans_out = 0
        if reneged:
            self.sacked_out = 0
            self._held.clear()
        for record in records:
            record.retransmitted = False
            record.lost = False
            if reneged:
                record.sacked = False
            if not record.sacked:
                self._mark_lost(record)

    def recut(self, mss: int, una: int) -> bool:
        """The path takes no packets larger than `mss` bytes any more: larger records that the peer does not hold are
        lost, and count in the smaller packets that they will be sent in, one after the other, whatever packets they
        were, from `una` on. Returns whether there were any.
        """
        found = False
        kept: list[Record] = []
        for record in self:
            kept.append(record)
            if record.mss <= mss or record.sacked or record.end - max(record.start, una) - record.fin <= mss:
                continue
            found = True
            before = record.packets
            record.start = max(record.start, una)  # of a packet whose first part is acknowledged only the rest goes
            if record.retransmitted:
                record.retransmitted = False
                self.retrans_out -= before
            if record.lost:
                self.lost_out -= before
            record.mss = mss
            self.packets_out += record.packets - before
            self._mark_lost(record)
            previous = kept[-2] if len(kept) > 1 else record
            if previous is not record and previous.lost and not previous.retransmitted and previous.mss == mss:
                self._join_lost(previous, kept.pop())
        self._records, self._head = kept, 0
        return found

    def _join_lost(self, earlier: Record, later: Record) -> None:
        """Makes one record of two neighbours that are both to be sent again."""
        apart = earlier.packets + later.packets
        earlier.end = later.end
        earlier.fin = later.fin
        earlier.ever_retransmitted |= later.ever_retransmitted
        change = earlier.packets - apart
        self.packets_out += change
        self.lost_out += change
        later.lost = False  # its place in the queue means nothing now

    def next_lost(self) -> Record | None:
        """The first lost record that has not been sent again since."""
        while self._lost:
            start, _, record = self._lost[0]
            if record.lost and not record.retransmitted and not record.sacked and record.start == start:
                return record
            heappop(self._lost)
        return None

    def retransmitted(self, record: Record, limit: int, now: int) -> list[Record]:
        """Notes that `record`, at most `limit` packets of it, and the lost records of the same mss that lie next to it
        are sent again now; returns them. Together they are one contiguous range.
        """
        records = self._records
        run: list[Record] = []
        index = bisect_left(records, record.start, self._head, key=_start)
        while index < len(records) and limit > 0:
            found = records[index]
            if not found.lost or found.retransmitted or found.mss != record.mss:
                break
            if run and run[-1].end - run[-1].start != run[-1].packets * found.mss:
                break
            if found.packets > limit:
                records.insert(index + 1, self._split(found, found.start + limit * found.mss))
            found.retransmitted = found.ever_retransmitted = True
            found.sent_at = now
            self.retrans_out += found.packets
            limit -= found.packets
            run.append(found)
            index += 1
        return run

    def clear(self) -> None:
        """Forgets the records."""
        delivered = self.delivered
        self.__init__()  # type: ignore[misc]
        self.delivered = delivered

    def _split(self, record: Record, at: int) -> Record:
        later = record.split(at)
        if later.lost and not later.retransmitted:
            self._queue(later)
        return later

    def _queue(self, record: Record) -> None:
        """Puts a lost record in line for `next_lost`."""
        self._serial += 1
        heappush(self._lost, (record.start, self._serial, record))

    def _mark_lost(self, record: Record) -> None:
        record.lost = True
        self.lost_out += record.packets
        self._queue(record)

    def _mark_sacked(self, record: Record) -> None:
        packets = record.packets
        record.sacked = True
        self._held.add(record.start, record.end)
        self.sacked_out += packets
        self.delivered += packets
        if record.lost:
            record.lost = False
            self.lost_out -= packets
        if record.retransmitted:
            record.retransmitted = False
            self.retrans_out -= packets


def _start(record: Record) -> int:
    return record.start
