"""The send and the receive buffer, against plain byte strings."""

from hypothesis import given
from hypothesis import strategies as st

from pystack.tcp.recvbuf import ReceiveBuffer, keepable
from pystack.tcp.sendbuf import SendBuffer

chunks = st.lists(st.binary(min_size=0, max_size=9000), max_size=30)


@given(chunks, st.integers(0, 2**32), st.data())
def test_the_send_buffer_is_addressed_by_number(parts: list[bytes], start: int, data: st.DataObject) -> None:
    buffer, whole, una = SendBuffer(start), b"", 0
    for part in parts:
        buffer.append(part)
        whole += part
        a = data.draw(st.integers(una, len(whole)))
        b = data.draw(st.integers(a, len(whole)))
        assert b"".join(buffer.pieces(start + a, start + b)) == whole[a:b]
        una = data.draw(st.integers(una, len(whole)))
        buffer.release(start + una)
        assert (buffer.start, buffer.end, len(buffer)) == (start + una, start + len(whole), len(whole) - una)
    assert b"".join(buffer.pieces(start + una, start + len(whole))) == whole[una:]
    buffer.clear()
    assert len(buffer) == 0


def test_the_send_buffer_gathers_small_writes_and_refers_to_large_ones() -> None:
    buffer = SendBuffer(0)
    for _ in range(1000):
        buffer.append(b"x")
    assert len(buffer.pieces(0, 1000)) == 1
    large = bytes(100_000)
    buffer.append(large)
    assert buffer.pieces(1000, 101_000)[0] is large
    (view,) = buffer.pieces(2000, 3000)
    assert isinstance(view, memoryview)
    assert view.obj is large


def test_what_was_handed_out_does_not_change_when_more_is_gathered() -> None:
    buffer = SendBuffer(0)
    buffer.append(b"one")
    (piece,) = buffer.pieces(0, 3)
    buffer.append(b"two")
    buffer.release(3)
    assert bytes(piece) == b"one"
    assert b"".join(buffer.pieces(3, 6)) == b"two"


def test_an_acknowledged_fin_releases_no_more_than_there_is() -> None:
    buffer = SendBuffer(10)
    buffer.append(b"abc")
    buffer.release(14)
    assert (buffer.start, buffer.end) == (13, 13)
    buffer.release(5)
    assert buffer.start == 13


kinds = st.sampled_from([bytes, bytearray, lambda b: memoryview(b), lambda b: memoryview(b"head" + b)[4:]])


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=3000), kinds, st.integers(0, 4000)), max_size=40))
def test_the_receive_buffer_is_a_queue_of_bytes(steps) -> None:
    buffer, expected = ReceiveBuffer(), b""
    for data, kind, limit in steps:
        buffer.append(kind(data))
        expected += data
        assert buffer.peek(limit) == expected[:limit]
        assert buffer.size == len(expected)
        assert buffer.read(limit) == expected[:limit]
        expected = expected[limit:]
        assert buffer.size == len(expected)
        assert buffer.held >= buffer.size
    assert buffer.read(1 << 20) == expected
    assert (buffer.size, buffer.held) == (0, 0)


def test_memory_is_charged_for_what_is_kept_alive() -> None:
    buffer = ReceiveBuffer()
    packet = bytes(1500)
    buffer.append(memoryview(packet)[40:])
    assert buffer.held >= 1500
    buffer.append(memoryview(bytes(60_000))[:600])
    assert buffer.held < 3000, "a small part of a large buffer is copied"
    for _ in range(1000):
        buffer.append(b"x")
    assert buffer.held < 6000, "small pieces are gathered"
    buffer.clear()
    assert (buffer.size, buffer.held) == (0, 0)


def test_buffers_of_others_are_copied() -> None:
    buffer, theirs = ReceiveBuffer(), bytearray(b"x" * 1000)
    buffer.append(memoryview(theirs))
    buffer.append(theirs)
    theirs[:] = b"\xdd" * 1000
    assert buffer.read(5000) == b"x" * 2000


def test_what_may_be_kept() -> None:
    packet = bytes(1000)
    assert keepable(packet)
    assert keepable(memoryview(packet)[250:])
    assert not keepable(memoryview(packet)[251:])
    assert not keepable(bytearray(packet))
    assert not keepable(memoryview(bytearray(packet)))


def test_reading_a_part_of_what_was_gathered_gives_its_memory_back() -> None:
    buffer = ReceiveBuffer()
    for _ in range(8):
        buffer.append(b"x" * 1000)
    held = buffer.held
    assert buffer.read(3000) == b"x" * 3000
    assert buffer.held == held - 3000
    buffer.append(b"y")
    assert buffer.read(10_000) == b"x" * 5000 + b"y"
