"""The eleven states of RFC 9293 section 3.3.2 and the legal transitions, as data.

`TRANSITIONS` is figure 5 of the RFC with the transitions that its text adds. `check` refuses any other; the state
diagram in the documentation is drawn from the same table.
"""

from enum import IntEnum
from typing import NamedTuple


class State(IntEnum):
    """A connection's state. `str()` gives the RFC's name; the values are those of Linux's tcp_info."""

    ESTABLISHED = 1
    SYN_SENT = 2
    SYN_RECEIVED = 3
    FIN_WAIT_1 = 4
    FIN_WAIT_2 = 5
    TIME_WAIT = 6
    CLOSED = 7
    CLOSE_WAIT = 8
    LAST_ACK = 9
    LISTEN = 10
    CLOSING = 11

    def __str__(self) -> str:
        return self.name.replace("_", "-")


class Transition(NamedTuple):
    """One arrow of the diagram: from `source` to `target` because of `cause`."""

    source: State
    target: State
    cause: str


_S = State

TRANSITIONS: tuple[Transition, ...] = (
    Transition(_S.CLOSED, _S.LISTEN, "passive OPEN"),
    Transition(_S.CLOSED, _S.SYN_SENT, "active OPEN / SYN"),
    Transition(_S.LISTEN, _S.SYN_RECEIVED, "SYN / SYN,ACK"),
    Transition(_S.LISTEN, _S.CLOSED, "CLOSE"),
    Transition(_S.SYN_SENT, _S.SYN_RECEIVED, "SYN / SYN,ACK"),
    Transition(_S.SYN_SENT, _S.ESTABLISHED, "SYN,ACK / ACK"),
    Transition(_S.SYN_SENT, _S.CLOSED, "CLOSE, RST or time-out"),
    Transition(_S.SYN_RECEIVED, _S.ESTABLISHED, "ACK of SYN"),
    Transition(_S.SYN_RECEIVED, _S.FIN_WAIT_1, "CLOSE / FIN"),
    Transition(_S.SYN_RECEIVED, _S.CLOSE_WAIT, "ACK of SYN with FIN / ACK"),
    Transition(_S.SYN_RECEIVED, _S.CLOSED, "RST or time-out"),
    Transition(_S.ESTABLISHED, _S.FIN_WAIT_1, "CLOSE / FIN"),
    Transition(_S.ESTABLISHED, _S.CLOSE_WAIT, "FIN / ACK"),
    Transition(_S.ESTABLISHED, _S.CLOSED, "ABORT, RST or time-out"),
    Transition(_S.FIN_WAIT_1, _S.FIN_WAIT_2, "ACK of FIN"),
    Transition(_S.FIN_WAIT_1, _S.CLOSING, "FIN / ACK"),
    Transition(_S.FIN_WAIT_1, _S.TIME_WAIT, "FIN, ACK of FIN / ACK"),
    Transition(_S.FIN_WAIT_1, _S.CLOSED, "ABORT, RST or time-out"),
    Transition(_S.FIN_WAIT_2, _S.TIME_WAIT, "FIN / ACK"),
    Transition(_S.FIN_WAIT_2, _S.CLOSED, "ABORT, RST or time-out"),
    Transition(_S.CLOSE_WAIT, _S.LAST_ACK, "CLOSE / FIN"),
    Transition(_S.CLOSE_WAIT, _S.CLOSED, "ABORT, RST or time-out"),
    Transition(_S.CLOSING, _S.TIME_WAIT, "ACK of FIN"),
    Transition(_S.CLOSING, _S.CLOSED, "ABORT, RST or time-out"),
    Transition(_S.LAST_ACK, _S.CLOSED, "ACK of FIN, ABORT, RST or time-out"),
    Transition(_S.TIME_WAIT, _S.CLOSED, "2 MSL, RST or reuse"),
)

_LEGAL = frozenset((t.source, t.target) for t in TRANSITIONS)

SYNCHRONIZED = frozenset(
    (_S.ESTABLISHED, _S.FIN_WAIT_1, _S.FIN_WAIT_2, _S.CLOSE_WAIT, _S.CLOSING, _S.LAST_ACK, _S.TIME_WAIT)
)
"""The states in which both sides agree on the sequence numbers (RFC 9293 section 3.3.2, 3.5.2)."""

TEXT_MAY_ARRIVE = frozenset((_S.ESTABLISHED, _S.FIN_WAIT_1, _S.FIN_WAIT_2))
"""The states that take text from the peer (RFC 9293 section 3.10.7.4, seventh step)."""

TEXT_MAY_BE_SENT = frozenset((_S.ESTABLISHED, _S.CLOSE_WAIT, _S.FIN_WAIT_1, _S.CLOSING, _S.LAST_ACK))
"""The states that may still have text or a FIN to (re)transmit."""


class IllegalTransition(Exception):
    """A bug in this package: a transition that RFC 9293 does not have."""


def check(source: State, target: State) -> None:
    """Raises `IllegalTransition` unless the diagram has the arrow."""
    if (source, target) not in _LEGAL:
        raise IllegalTransition(f"{source} to {target}")
