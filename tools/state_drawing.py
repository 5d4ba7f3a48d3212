"""TCP's state diagram as an SVG that is light or dark as its reader is, from `pystack.tcp.state.TRANSITIONS`.

The places of the states are those of RFC 9293's figure 5. An arrow to CLOSED is a stub, since nearly every state has
one.
"""

from html import escape

from pystack.tcp.state import TRANSITIONS, State

PLACES = {
    State.CLOSED: (380, 44),
    State.LISTEN: (140, 130),
    State.SYN_SENT: (620, 130),
    State.SYN_RECEIVED: (140, 240),
    State.ESTABLISHED: (620, 240),
    State.FIN_WAIT_1: (140, 370),
    State.CLOSE_WAIT: (620, 370),
    State.FIN_WAIT_2: (140, 490),
    State.CLOSING: (400, 490),
    State.LAST_ACK: (620, 490),
    State.TIME_WAIT: (400, 600),
}
LABEL_AT = {(State.SYN_RECEIVED, State.CLOSE_WAIT): 0.3, (State.ESTABLISHED, State.FIN_WAIT_1): 0.3}
"""How far along an arrow its label is, where the middle is taken."""

HALF_WIDTH, HALF_HEIGHT = 66, 17
STYLE = """  text { fill: #1c2430; text-anchor: middle } .page { fill: #fbfbfc }
  .cause { font-size: 11.5px; fill: #4d5766; stroke: #fbfbfc; stroke-width: 4; paint-order: stroke }
  .state { fill: #e3f3ef; stroke: #0b6e5f } .arrow { stroke: #0b6e5f; stroke-width: 1.5 } .tip { fill: #0b6e5f }
  .end { stroke-dasharray: 3 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e8ee } .page { fill: #14181e } .cause { fill: #b6bfcb; stroke: #14181e }
    .state { fill: #153530; stroke: #5fd0bc } .arrow { stroke: #5fd0bc } .tip { fill: #5fd0bc }
  }"""


def svg() -> str:
    """The drawing. Each arrow has its transition as a title."""
    arrows = [_arrow(t.source, t.target, t.cause) for t in TRANSITIONS]
    states = [_state(state) for state in State]
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 660" font-family="system-ui, sans-serif" '
            'font-size="13" role="img" aria-label="The states of TCP">',
            f"<style>\n{STYLE}\n</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            'markerUnits="userSpaceOnUse" orient="auto"><path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>',
            '<rect class="page" width="760" height="660" rx="8"/>',
            *(line for line, _ in arrows),
            *(label for _, label in arrows if label),
            *states,
            '<text class="cause" x="380" y="644">dashed: to CLOSED, for the causes that the table has</text>',
            "</svg>",
            "",
        ]
    )


def _arrow(source: State, target: State, cause: str) -> tuple[str, str]:
    """A line, and its label."""
    (x, y) = PLACES[source]
    title = f"<title>{escape(f'{source} to {target}: {cause}')}</title>"
    if target is State.CLOSED:
        side = -1 if x < PLACES[State.CLOSED][0] else 1
        start, end = x + side * HALF_WIDTH, x + side * (HALF_WIDTH + 30)
        line = (
            f'<line class="arrow end" x1="{start}" y1="{y}" x2="{end}" y2="{y}" marker-end="url(#tip)">{title}</line>'
        )
        return line, ""
    x1, y1 = _edge(source, target)
    x2, y2 = _edge(target, source)
    at = LABEL_AT.get((source, target), 0.5)
    line = f'<line class="arrow" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" marker-end="url(#tip)">{title}</line>'
    where = f'x="{x1 + (x2 - x1) * at:.0f}" y="{y1 + (y2 - y1) * at + 4:.0f}"'
    return line, f'<text class="cause" {where}>{escape(cause)}</text>'


def _edge(of: State, towards: State) -> tuple[int, int]:
    """Where the line between the middles of two states leaves the box of the first."""
    (x, y), (other_x, other_y) = PLACES[of], PLACES[towards]
    dx, dy = other_x - x, other_y - y
    scale = min(HALF_WIDTH / abs(dx) if dx else 1, HALF_HEIGHT / abs(dy) if dy else 1)
    return round(x + dx * scale), round(y + dy * scale)


def _state(state: State) -> str:
    x, y = PLACES[state]
    box = f'x="{x - HALF_WIDTH}" y="{y - HALF_HEIGHT}" width="{2 * HALF_WIDTH}" height="{2 * HALF_HEIGHT}"'
    return f'<rect class="state" {box} rx="6"/><text x="{x}" y="{y + 5}">{state}</text>'
