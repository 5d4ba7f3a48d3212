"""The Internet checksum against a plain adder of 16-bit words, as RFC 1071 section 1 describes it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pystack.wire import checksum


def naive_sum(data: bytes) -> int:
    """Word by word, with the end-around carry after each addition; an odd byte is padded on the right."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total


def naive_checksum(data: bytes) -> int:
    return ~naive_sum(data) & 0xFFFF


# Random bytes hardly ever sum to one of the two zeros, so these are asked for by name.
zero_sums = [b"", b"\0", bytes(7), bytes(40), b"\xff\xff", b"\xff\xff\0\0\0", b"\x12\x34\xed\xcb", b"\0\xff\xff\0"]


@pytest.mark.parametrize("data", zero_sums)
def test_both_zeros_are_told_apart(data: bytes) -> None:
    assert checksum.sum16(data) == naive_sum(data) in (0, 0xFFFF)
    assert checksum.finish(checksum.sum16(data)) == naive_checksum(data)


@given(st.binary(max_size=200))
@example(bytes(range(8)))
def test_sum_and_field_equal_the_naive_ones(data: bytes) -> None:
    assert checksum.sum16(data) == naive_sum(data)
    assert checksum.finish(checksum.sum16(data)) == naive_checksum(data)


def test_the_example_of_rfc_1071() -> None:
    """RFC 1071 section 3: 00 01 f2 03 f4 f5 f6 f7 add up to ddf2."""
    assert checksum.sum16(bytes.fromhex("0001f203f4f5f6f7")) == 0xDDF2


@pytest.mark.parametrize("size", [8191, 8192, 8193, 8194, 10241, 65000, 65535])
def test_large_buffers_odd_and_even(size: int) -> None:
    data = (bytes(range(251)) * 262)[:size]
    assert checksum.sum16(data) == naive_sum(data)
    assert checksum.sum16(memoryview(data)) == naive_sum(data)
    assert checksum.sum16(bytes(size)) == 0


@given(st.lists(st.binary(max_size=9), max_size=8))
@example([b"\x01", b"", b"\x02", b"\x03\x04\x05", b"\x06"])
def test_pieces_of_any_length_add_up_like_the_whole(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    assert checksum.finish(checksum.combine(pieces)) == naive_checksum(whole)


@given(st.binary(max_size=60), st.integers(0, 60))
def test_verify_accepts_its_own_field_and_no_other(data: bytes, position: int) -> None:
    at = min(position, len(data)) & ~1
    field = checksum.finish(checksum.sum16(data[:at] + b"\0\0" + data[at:]))
    whole = data[:at] + field.to_bytes(2, "big") + data[at:]
    assert checksum.verify(0, whole)
    for wrong in (field ^ 1, field ^ 0x8000, (field + 1) & 0xFFFF):
        # The two zeros are one number to the receiver, unless everything else is zero as well.
        if {wrong, field} != {0, 0xFFFF}:
            assert not checksum.verify(0, data[:at] + wrong.to_bytes(2, "big") + data[at:])


def test_an_all_zero_message_does_not_verify() -> None:
    """A receiver that adds zeros gets +0, and its complement is not 0: such a message needs 0xFFFF in its field."""
    assert not checksum.verify(0, bytes(8))
    assert checksum.verify(0, b"\0\0\xff\xff" + bytes(4))


@given(st.binary(min_size=4, max_size=4), st.binary(min_size=4, max_size=4), st.integers(1, 255), st.integers(0, 65535))
def test_ipv4_pseudo_header(src: bytes, dst: bytes, protocol: int, length: int) -> None:
    """RFC 9293 section 3.1: addresses, a zero byte, the protocol, the length in 16 bits."""
    pseudo = src + dst + bytes((0, protocol)) + length.to_bytes(2, "big")
    assert checksum.finish(checksum.pseudo_sum(src, dst, protocol, length)) == naive_checksum(pseudo)


@given(
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=16, max_size=16),
    st.integers(1, 255),
    st.integers(0, 1 << 20),
)
def test_ipv6_pseudo_header(src: bytes, dst: bytes, protocol: int, length: int) -> None:
    """RFC 8200 section 8.1: addresses, the length in 32 bits, three zero bytes, the next header."""
    pseudo = src + dst + length.to_bytes(4, "big") + bytes((0, 0, 0, protocol))
    total = checksum.pseudo_sum(src, dst, protocol, length)
    assert checksum.finish(total) == naive_checksum(pseudo)
    assert total == checksum.pseudo_sum(src, dst, protocol, 0) + length
