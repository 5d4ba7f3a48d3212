"""The table of transitions, against figure 5 of RFC 9293."""

import pytest

from pystack.tcp.state import SYNCHRONIZED, TEXT_MAY_ARRIVE, TRANSITIONS, IllegalTransition, State, check
from pystack.tcp.tcb import Tcb

FIGURE_5 = """
CLOSED > LISTEN, CLOSED > SYN-SENT, LISTEN > SYN-RECEIVED, LISTEN > CLOSED, SYN-SENT > SYN-RECEIVED,
SYN-SENT > ESTABLISHED, SYN-SENT > CLOSED, SYN-RECEIVED > ESTABLISHED, SYN-RECEIVED > FIN-WAIT-1,
ESTABLISHED > FIN-WAIT-1, ESTABLISHED > CLOSE-WAIT, FIN-WAIT-1 > FIN-WAIT-2, FIN-WAIT-1 > CLOSING,
FIN-WAIT-1 > TIME-WAIT, FIN-WAIT-2 > TIME-WAIT, CLOSE-WAIT > LAST-ACK, CLOSING > TIME-WAIT, LAST-ACK > CLOSED,
TIME-WAIT > CLOSED
"""
# By the text: a reset, an abort or a time-out ends every state (3.10.5, 3.10.7.4, 3.8.3), and a FIN in SYN-RECEIVED
# goes to CLOSE-WAIT (3.10.7.4, eighth step).
BY_THE_TEXT = """
SYN-RECEIVED > CLOSED, ESTABLISHED > CLOSED, FIN-WAIT-1 > CLOSED, FIN-WAIT-2 > CLOSED, CLOSE-WAIT > CLOSED,
CLOSING > CLOSED, SYN-RECEIVED > CLOSE-WAIT
"""
NAMES = {str(s): s for s in State}


def arrows(text: str) -> set[tuple[State, State]]:
    pairs = (arrow.strip().split(" > ") for arrow in text.replace("\n", " ").split(","))
    return {(NAMES[a], NAMES[b]) for a, b in pairs}


def test_the_table_is_the_figure_and_the_text() -> None:
    table = {(t.source, t.target) for t in TRANSITIONS}
    assert table == arrows(FIGURE_5) | arrows(BY_THE_TEXT)
    assert len(table) == len(TRANSITIONS)
    assert all(t.cause for t in TRANSITIONS)


@pytest.mark.parametrize("source", list(State))
@pytest.mark.parametrize("target", list(State))
def test_every_other_transition_is_refused(source: State, target: State) -> None:
    tcb = Tcb(1)
    tcb.state = source
    if (source, target) in arrows(FIGURE_5) | arrows(BY_THE_TEXT):
        check(source, target)
        tcb.enter(target)
        assert tcb.state is target
    else:
        with pytest.raises(IllegalTransition, match=f"{source} to {target}"):
            tcb.enter(target)
        assert tcb.state is source


def test_names_and_numbers_are_the_fields_own() -> None:
    assert len(State) == 11
    assert str(State.SYN_RECEIVED) == "SYN-RECEIVED"
    assert (State.ESTABLISHED, State.TIME_WAIT, State.CLOSING) == (1, 6, 11)
    assert TEXT_MAY_ARRIVE < SYNCHRONIZED
    assert set(State) - {State.CLOSED, State.LISTEN, State.SYN_SENT, State.SYN_RECEIVED} == set(SYNCHRONIZED)
