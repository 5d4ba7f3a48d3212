"""The transmission control block: RFC 9293's own variables (section 3.3.1) and nothing else.

Only the rooms that carry out the RFC's steps write it (docs/architecture.md says which); every other one returns a
verdict. Numbers are unwrapped (see `pystack.tcp.seq`); windows are in bytes, already scaled.
"""

from pystack.tcp.state import State, check


class SendVariables:
    """SND.UNA, SND.NXT, SND.WND, SND.UP, SND.WL1, SND.WL2, and MAX.SND.WND of RFC 5961 section 5.2."""

    __slots__ = ("max_wnd", "nxt", "una", "up", "wl1", "wl2", "wnd")

    def __init__(self, iss: int) -> None:
        self.una = iss
        self.nxt = iss
        self.wnd = 0
        self.up = iss
        self.wl1 = 0
        self.wl2 = 0
        self.max_wnd = 0


class ReceiveVariables:
    """RCV.NXT, RCV.WND, RCV.UP. `nxt + wnd` is the right edge that was last offered; it never moves left."""

    __slots__ = ("nxt", "up", "wnd")

    def __init__(self) -> None:
        self.nxt = 0
        self.wnd = 0
        self.up = 0


class Tcb:
    """State, ISS, IRS and the variables of both directions."""

    __slots__ = ("irs", "iss", "rcv", "snd", "state")

    def __init__(self, iss: int) -> None:
        self.state = State.CLOSED
        self.iss = iss
        self.irs = 0
        self.snd = SendVariables(iss)
        self.rcv = ReceiveVariables()

    def enter(self, state: State) -> None:
        """Moves to `state`; raises `IllegalTransition` where the RFC's diagram has no such arrow."""
        check(self.state, state)
        self.state = state
