"""One connection between a scripted peer and a host, with numbers that begin at 0."""

from typing import Any

from pystack.sock.calls import Sock
from pystack.stack.endpoint import Endpoint
from pystack.tcp.connection import Connection
from pystack.tcp.state import State
from pystack.testing import glue
from pystack.testing.flows import Flow
from pystack.testing.speaker import Speaker

_MASK = 0xFFFFFFFF


class Conversation:
    """A connection that one of the peer's constructors has made.

    Sequence numbers count from the SYN, which has 0 on each side, so that the first byte of text is 1. Numbers that are
    left out are the next ones; `ack` acknowledges what the script has taken.
    """

    def __init__(self, peer: Speaker, flow: Flow, listener: Sock | None, sock: Sock | None) -> None:
        self.peer = peer
        self.flow = flow
        self.listener = listener
        """The host's listening socket, None where the host has called."""
        self._sock = sock
        self._endpoint: Endpoint | None = None
        self._iss = flow.iss
        self._first_irs = flow.irs

    @property
    def sock(self) -> Sock:
        """The socket of the host's side. Accepts the connection where nobody has yet; raises `AssertionError` before
        there is one to accept.
        """
        if self._sock is None:
            assert self.listener is not None
            found = self.listener.accept()
            if not isinstance(found, Sock):
                raise AssertionError(f"there is no connection to accept yet: it is {self.state}")
            self._sock = found
        return self._sock

    @property
    def endpoint(self) -> Endpoint:
        """The connection's place in its host; it stays the same when the host has forgotten it."""
        if self._endpoint is None:
            ends = self.flow.ends
            for endpoint in self.peer.host.endpoints():
                if (endpoint.local_port, endpoint.remote_port) == (ends.host_port, ends.peer_port):
                    self._endpoint = endpoint
            if self._endpoint is None:
                raise AssertionError("the host does not have this connection")
        return self._endpoint

    @property
    def connection(self) -> Connection:
        """The sans-IO connection of the host's side."""
        return self.endpoint.connection

    @property
    def state(self) -> State:
        """The state of the host's side."""
        return self.connection.state

    # What the peer says

    def packet(
        self,
        flags: str = "A",
        data: bytes | int = b"",
        *,
        seq: int | None = None,
        ack: int | None = None,
        sack: list[tuple[int, int]] | None = None,
        **fields: Any,
    ) -> Any:
        """A segment with these relative numbers, for `Speaker.send`. `data` is the text, or how many zeros; `sack` are
        blocks of the host's numbers; `fields` are others of scapy's TCP, as they are.
        """
        known = glue.layers()
        ends = self.flow.ends
        ip = known.ipv6 if ":" in ends.host else known.ipv4
        if seq is not None:
            fields["seq"] = (self._iss + seq) & _MASK
        if ack is not None:
            fields["ack"] = (self._irs + ack) & _MASK
        tcp = known.tcp(sport=ends.peer_port, dport=ends.host_port, flags=flags, **fields)
        if sack is not None:
            self.flow.fill(tcp, self.peer.now)
            edges = [(self._irs + edge) & _MASK for block in sack for edge in block]
            tcp.options = [*tcp.options, ("NOP", None), ("NOP", None), ("SAck", tuple(edges))]
        text = bytes(data) if isinstance(data, int) else data
        packet = ip(src=ends.peer, dst=ends.host) / tcp
        return packet / known.raw(text) if text else packet

    def send(
        self,
        flags: str = "A",
        data: bytes | int = b"",
        *,
        seq: int | None = None,
        ack: int | None = None,
        sack: list[tuple[int, int]] | None = None,
        **fields: Any,
    ) -> Any:
        """Sends such a segment; returns it as it was sent."""
        return self.peer.send(self.packet(flags, data, seq=seq, ack=ack, sack=sack, **fields))

    # What the host says

    def expect(
        self,
        flags: Any = None,
        *,
        seq: int | None = None,
        ack: int | None = None,
        within: int | str = 0,
        text: bytes | None = None,
        size: int | None = None,
        **fields: Any,
    ) -> Any:
        """`Speaker.expect` for a segment of this connection, with relative numbers."""
        ends = self.flow.ends
        fields = {"sport": ends.host_port, "dport": ends.peer_port} | fields
        if flags is not None:
            fields["flags"] = flags
        if seq is not None:
            fields["seq"] = (self._irs + seq) & _MASK
        if ack is not None:
            fields["ack"] = (self._iss + ack) & _MASK
        return self.peer.expect(glue.layers().tcp, within=within, text=text, size=size, **fields)

    def expect_nothing(self, for_: int | str = 0) -> None:
        """`Speaker.expect_nothing`."""
        self.peer.expect_nothing(for_=for_)

    def seq(self, packet: Any) -> int:
        """The sequence number of a segment of the host, relative and signed: an old one may lie before 0."""
        return _signed(glue.find(packet, glue.layers().tcp).seq - self._irs)

    def ack(self, packet: Any) -> int:
        """What a segment of the host acknowledges, relative."""
        return _signed(glue.find(packet, glue.layers().tcp).ack - self._iss)

    @property
    def _irs(self) -> int:
        if self._first_irs is None:
            self._first_irs = self.flow.irs
        if self._first_irs is None:
            raise AssertionError("the host's SYN has not been taken yet: there is nothing to count from")
        return self._first_irs


def _signed(number: int) -> int:
    return (number + 0x80000000 & _MASK) - 0x80000000
