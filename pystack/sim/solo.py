"""One host alone on its own clock: whoever holds it plays the network, packet by packet.

solo = Solo(host)
solo.inject(packet)
solo.advance(solo.now + 200_000_000)
for at, packet in solo.collect():
    ...
"""

from typing import Final

from pystack.sock.dispatch import dispatch
from pystack.stack.host import Host
from pystack.tcp.events import Event

_START: Final = 1_000_000_000
_ENDLESS: Final = 100_000
"""So many packets, or timers, at one go: the host will never come to rest."""


class Solo:
    """`host` in virtual time, integer nanoseconds. Time goes on in `advance` alone: what arrives, and what applications
    do, takes none. `events` are what the host has told the layer above, with the time; its sockets are woken.
    """

    def __init__(self, host: Host, now: int = _START) -> None:
        self.host = host
        self.now = now
        self.events: list[tuple[int, Event]] = []
        self._sent: list[tuple[int, bytes]] = []

    def inject(self, packet: bytes) -> None:
        """A packet arrives now. The host answers when it is asked, by `collect` or `advance`: what is injected until
        then arrives together with it.
        """
        self.host.receive(packet, self.now)

    def advance(self, until: int, *, stop_at_packet: bool = False) -> None:
        """Lets time go on to `until`, deadline by deadline; with `stop_at_packet` no further than there is something to
        collect. A time that has passed is now. Raises `AssertionError` where the host does not come to rest.
        """
        self.settle()
        for _ in range(_ENDLESS):
            if stop_at_packet and self._sent:
                return
            deadline = self.host.next_deadline()
            if deadline is None or deadline > until:
                self.now = max(self.now, until)
                return
            self.now = max(self.now, deadline)
            self.host.on_deadline(self.now)
            self.settle()
        raise AssertionError(f"the host's timers have fired {_ENDLESS} times: it does not come to rest")

    def collect(self) -> list[tuple[int, bytes]]:
        """What the host has sent since the last call, and when: whole IP packets in the order in which they left.
        Raises `AssertionError` as `advance` does.
        """
        self.settle()
        sent, self._sent = self._sent, []
        return sent

    @property
    def has_sent(self) -> bool:
        """Whether there is something to collect."""
        return bool(self._sent)

    def settle(self) -> None:
        """Until the host has nothing more to say at this time: it is asked, and its sockets are woken. Raises
        `AssertionError` as `advance` does.
        """
        for _ in range(_ENDLESS):
            packet = self.host.poll_transmit(self.now)
            if packet is not None:
                self._sent.append((self.now, bytes(packet)))
            elif not dispatch(self.host, on_event=lambda event: self.events.append((self.now, event))):
                return
        raise AssertionError(f"the host has sent {_ENDLESS} packets without a pause: it does not come to rest")
