"""Out-of-order text, against a dictionary with one entry a byte (SHLD-31; RFC 2018)."""

from hypothesis import given
from hypothesis import strategies as st

from pystack.tcp.reassembly import MAX_BLOCKS, Reassembly


def runs(model: dict[int, int]) -> list[tuple[int, int]]:
    found: list[list[int]] = []
    for at in sorted(model):
        if found and found[-1][1] == at:
            found[-1][1] += 1
        else:
            found.append([at, at + 1])
    return [(a, b) for a, b in found]


@given(st.lists(st.tuples(st.integers(1, 120), st.binary(min_size=1, max_size=30), st.integers(0, 20)), max_size=60))
def test_against_a_dictionary_of_bytes(steps: list[tuple[int, bytes, int]]) -> None:
    room, model, nxt = Reassembly(), {}, 0
    for offset, data, advance in steps:
        start = nxt + offset
        fresh = [n for n in range(start, start + len(data)) if n not in model]
        assert room.insert(start, data) is bool(fresh)
        for n in fresh:
            model[n] = data[n - start]
        assert bool(room) is bool(model)
        blocks = room.blocks()
        assert len(blocks) <= MAX_BLOCKS
        assert set(blocks) <= set(runs(model))
        assert blocks[0] == next(r for r in runs(model) if r[0] <= start < r[1]), "the latest comes first"
        assert room.held >= len(model)
        if not advance:
            continue
        # Text fills the hole up to here, and overlaps what was kept.
        nxt += advance
        filled = nxt
        while nxt in model:
            nxt += 1
        taken = b"".join(bytes(piece) for piece in room.take(filled))
        assert taken == bytes(model[n] for n in range(filled, nxt))
        model = {n: b for n, b in model.items() if n >= nxt}
        assert set(room.blocks()) <= set(runs(model))
    everything = max(model, default=0)
    list(room.take(everything))
    assert room.held == 0
    assert not room
    assert room.blocks() == ()


def test_blocks_come_in_the_order_of_their_last_change() -> None:
    """RFC 2018 section 4."""
    room = Reassembly()
    for start in (10, 30, 50, 70, 90):
        room.insert(start, b"xxxxx")
    assert room.blocks() == ((90, 95), (70, 75), (50, 55), (30, 35))
    room.insert(55, b"xx")
    assert room.blocks()[:2] == ((50, 57), (90, 95))
    room.insert(31, b"x")
    assert room.blocks()[0] == (30, 35), "a duplicate counts as the latest too"
    room.insert(5, b"x" * 60)
    assert room.blocks()[:2] == ((5, 65), (90, 95))


def test_old_bytes_stay_where_new_ones_overlap() -> None:
    room = Reassembly()
    room.insert(10, b"old")
    room.insert(8, b"NEWNEW")
    assert b"".join(map(bytes, room.take(8))) == b"NEoldW"


def test_the_bytes_are_copied() -> None:
    room, theirs = Reassembly(), bytearray(b"abc")
    room.insert(1, memoryview(theirs))
    theirs[:] = b"???"
    assert b"".join(map(bytes, room.take(1))) == b"abc"


def test_clear() -> None:
    room = Reassembly()
    room.insert(10, b"abc")
    room.clear()
    assert (room.held, bool(room), room.blocks()) == (0, False, ())
