"""Both directions of a path, and what faults do before."""

from collections.abc import Iterable

from path_lab import MS, number_of, numbered, path_of

from pystack.link.crossing import Crossing
from pystack.link.impair import Impairments
from pystack.link.path import Path
from pystack.wire.packet import Packet

Came = list[tuple[int, bool, int]]


def put(path: Path, n: int, is_back: bool, now: int) -> None:
    path.put(Packet((numbered(n),)), is_back, now)


def come(path: Path) -> Came:
    came = []
    while (now := path.next_due) is not None:
        came += [(now, is_back, number_of(packet)) for packet, is_back in path.due(now)]
    return came


def test_each_direction_has_its_own_impairments() -> None:
    path = path_of(Impairments(delay=20 * MS), Impairments(delay=5 * MS, rate=8_000_000))
    put(path, 1, False, 0)
    put(path, 2, True, 0)
    put(path, 3, True, 0)
    assert come(path) == [(6 * MS, True, 2), (7 * MS, True, 3), (20 * MS, False, 1)]
    assert (path.forward.counts.sent, path.back.counts.sent) == (1, 2)
    assert path.next_due is None


def test_what_is_due_at_once_comes_in_the_order_of_its_sending() -> None:
    path = path_of(Impairments(delay=MS), Impairments(delay=MS))
    for n in range(6):
        put(path, n, n in (1, 2, 4), 0)
    assert come(path) == [(MS, n in (1, 2, 4), n) for n in range(6)]


def test_directions_draw_for_themselves() -> None:
    bad = Impairments(loss=0.5)
    path = path_of(bad, bad)
    for n in range(200):
        put(path, n, False, n)
        put(path, n, True, n)
    there, back = ({n for _, is_back, n in come(path) if is_back is which} for which in (False, True))
    path = path_of(bad, bad)
    for n in range(200):
        put(path, n, False, n)
    assert {n for _, _, n in come(path)} == there != back


class Late:
    """Everything forward is late, every third is gone."""

    def cross(self, crossing: Crossing, now: int) -> Iterable[Crossing]:
        if crossing.is_back:
            return [crossing]
        return [crossing._replace(late=crossing.late + 7 * MS)] if number_of(crossing.packet) % 3 else []


class Echo:
    """What goes forward also comes back."""

    def cross(self, crossing: Crossing, now: int) -> Iterable[Crossing]:
        yield crossing
        if not crossing.is_back:
            yield Crossing(crossing.packet, True)


def test_faults_come_first_one_after_the_other() -> None:
    path = path_of(Impairments(delay=MS), Impairments(delay=2 * MS), [Late(), Echo()])
    for n in range(4):
        put(path, n, False, 0)
    assert come(path) == [(2 * MS, True, 1), (2 * MS, True, 2), (8 * MS, False, 1), (8 * MS, False, 2)]
    assert (path.forward.counts.sent, path.back.counts.sent) == (2, 2)
    path.faults.remove(path.faults[0])
    put(path, 3, False, 10 * MS)
    assert come(path) == [(11 * MS, False, 3), (12 * MS, True, 3)]


def test_what_is_late_holds_up_nobody() -> None:
    path = path_of(Impairments(), Impairments(), [Late()])
    put(path, 1, False, 0)
    path.faults.clear()
    put(path, 2, False, 1)
    assert come(path) == [(1, False, 2), (7 * MS, False, 1)]


def test_a_cut_takes_both_directions() -> None:
    path = path_of(Impairments(delay=MS), Impairments(delay=MS))
    put(path, 1, False, 0)
    path.cut()
    put(path, 2, False, 0)
    put(path, 3, True, 0)
    path.heal()
    put(path, 4, True, 0)
    assert come(path) == [(MS, False, 1), (MS, True, 4)]
    assert (path.forward.counts.lost, path.back.counts.lost) == (1, 1)
