"""TCP options: Linux's layouts byte for byte, and readers that survive anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import TCP

from pystack.wire import options
from pystack.wire.options import NO_OPTIONS, Options

u32 = st.integers(0, 0xFFFFFFFF)

# The layouts that test scripts for Linux assume. Each line: options, the bytes, the same as scapy writes them.
SACK_BLOCK = ((0x1000, 0x2000),)
SACK_BLOCKS = tuple((n * 16, n * 16 + 8) for n in range(1, 5))
TS = ("Timestamp", (0x11223344, 0x55667788))
TS_HEX = "080a 11223344 55667788"
NOP = ("NOP", None)
LAYOUTS = {
    "syn": (
        Options(mss=1460, wscale=8, sack_permitted=True, ts_val=0x11223344, ts_ecr=0x55667788),
        f"0204 05b4 0402 {TS_HEX} 01 030308",
        [("MSS", 1460), ("SAckOK", b""), TS, NOP, ("WScale", 8)],
    ),
    "syn without timestamps": (
        Options(mss=1460, wscale=8, sack_permitted=True),
        "0204 05b4 0101 0402 01 030308",
        [("MSS", 1460), NOP, NOP, ("SAckOK", b""), NOP, ("WScale", 8)],
    ),
    "syn without timestamps and window scale": (
        Options(mss=1460, sack_permitted=True),
        "0204 05b4 0101 0402",
        [("MSS", 1460), NOP, NOP, ("SAckOK", b"")],
    ),
    "syn with window scale only": (
        Options(mss=1460, wscale=8),
        "0204 05b4 01 030308",
        [("MSS", 1460), NOP, ("WScale", 8)],
    ),
    "syn with timestamps but no sack": (
        Options(mss=1460, wscale=8, ts_val=0x11223344, ts_ecr=0x55667788),
        f"0204 05b4 0101 {TS_HEX} 01 030308",
        [("MSS", 1460), NOP, NOP, TS, NOP, ("WScale", 8)],
    ),
    "syn with mss only": (Options(mss=1460), "0204 05b4", [("MSS", 1460)]),
    "data": (Options(ts_val=0x11223344, ts_ecr=0x55667788), f"0101 {TS_HEX}", [NOP, NOP, TS]),
    "sack": (
        Options(sack=SACK_BLOCK),
        "0101 050a 00001000 00002000",
        [NOP, NOP, ("SAck", (0x1000, 0x2000))],
    ),
    "sack with timestamps": (
        Options(ts_val=0x11223344, ts_ecr=0x55667788, sack=SACK_BLOCK),
        f"0101 {TS_HEX} 0101 050a 00001000 00002000",
        [NOP, NOP, TS, NOP, NOP, ("SAck", (0x1000, 0x2000))],
    ),
    "four blocks of sack": (
        Options(sack=SACK_BLOCKS),
        "0101 0522" + "".join(f"{left:08x}{right:08x}" for left, right in SACK_BLOCKS),
        [NOP, NOP, ("SAck", tuple(edge for block in SACK_BLOCKS for edge in block))],
    ),
    "none": (Options(), "", []),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_linux_layout_byte_for_byte(name: str) -> None:
    """MUST-4, MUST-14: and scapy writes the same, and we read it back."""
    opts, text, theirs = LAYOUTS[name]
    wire = bytes.fromhex(text)
    assert options.build(opts) == wire
    assert bytes(TCP(options=theirs))[20:] == wire
    assert options.parse(wire) == opts
    assert options.parse(memoryview(wire)) == opts


@given(
    st.builds(
        Options,
        mss=st.none() | st.integers(0, 65535),
        wscale=st.none() | st.integers(0, 255),
        sack_permitted=st.booleans(),
        ts_val=st.none() | u32,
        sack=st.lists(st.tuples(u32, u32), max_size=5).map(tuple),
    ),
    u32,
)
def test_round_trip_in_whole_words(opts: Options, ts_ecr: int) -> None:
    """Built options are whole words of at most 40 bytes; only SACK blocks that do not fit are left out."""
    if opts.ts_val is not None:
        opts.ts_ecr = ts_ecr
    wire = options.build(opts)
    assert len(wire) % 4 == 0
    assert len(wire) <= 40
    read = options.parse(wire)
    assert read.sack == opts.sack[: len(read.sack)]
    dropped = len(opts.sack) - len(read.sack)
    assert dropped == 0 or len(wire) + 8 + (0 if read.sack else 4) > 40
    opts.sack = read.sack
    assert read == opts


def test_three_sack_blocks_fit_beside_timestamps() -> None:
    """RFC 2018 section 3: the first blocks are kept, they are the most recent ones."""
    assert options.parse(options.build(Options(ts_val=1, sack=SACK_BLOCKS))).sack == SACK_BLOCKS[:3]


def test_numbers_are_wrapped_to_32_bits() -> None:
    wire = options.build(Options(ts_val=(1 << 32) + 5, ts_ecr=(1 << 33) + 6, sack=(((1 << 32) + 1, (1 << 32) + 2),)))
    read = options.parse(wire)
    assert (read.ts_val, read.ts_ecr, read.sack) == (5, 6, ((1, 2),))
    assert options.parse(options.build(Options(ts_val=(1 << 32) + 5))).ts_val == 5


@pytest.mark.parametrize(("field", "value"), [("mss", 65536), ("mss", -1), ("wscale", 256)])
def test_impossible_values_are_refused(field: str, value: int) -> None:
    with pytest.raises((ValueError, OverflowError)):
        options.build(Options(**{field: value}))


def test_must_4_end_of_list_and_nop_are_read() -> None:
    """MUST-4: EOL ends the list, NOP is skipped, MSS is read."""
    assert options.parse(bytes.fromhex("01 0204 05b4 01 01 00")) == Options(mss=1460)
    assert options.parse(bytes.fromhex("00 0204 05b4 000000")) == NO_OPTIONS


@pytest.mark.parametrize("kind", [6, 7, 9, 19, 28, 30, 34, 172, 253, 254, 255])
def test_must_6_unknown_options_are_skipped_by_their_length(kind: int) -> None:
    """MUST-6, MUST-68: every option but EOL and NOP has a length byte, known to us or not."""
    for length in (2, 3, 7, 18):
        read = options.parse(bytes((kind, length)) + b"\x02" * (length - 2) + bytes.fromhex("0204 05b4"))
        assert read == Options(mss=1460)
        assert not read.malformed


@pytest.mark.parametrize(
    "text",
    [
        "02 03 05",  # MSS of 3 bytes
        "02 05 0505 05",  # and of 5
        "03 04 0000",  # window scale of 4
        "04 03 00",  # SACK-permitted of 3
        "08 09 00000000000000",  # timestamps of 9
        "05 02",  # SACK without a block
        "05 0c 00000000000000000000",  # SACK with a block and a bit
    ],
)
def test_a_known_option_of_the_wrong_length_is_skipped(text: str) -> None:
    other = Options(ts_val=1, ts_ecr=2) if text[:2] != "08" else Options(mss=536)
    assert options.parse(bytes.fromhex(text) + options.build(other)) == other


@pytest.mark.parametrize(
    "tail",
    [
        "03 00 08 00",  # a length of 0
        "03 01 01 01",  # a length of 1
        "fd 00 00 00",  # the same for an unknown kind
        "01 01 01 03",  # the length byte is missing
        "01 01 03 03",  # overrun by one
        "08 0a 00 00",  # overrun of a known option
        "fd ff 00 00",  # overrun of an unknown one
    ],
)
def test_must_7_bogus_lengths_end_the_reading_and_are_reported(tail: str) -> None:
    """MUST-7: what came before the bogus option stands; nothing after it is believed."""
    read = options.parse(bytes.fromhex("0204 05b4" + tail))
    assert read.malformed
    assert (read.mss, read.wscale, read.ts_val, read.sack) == (1460, None, None, ())


@pytest.mark.parametrize("shift", range(8))
def test_must_64_options_are_read_at_any_alignment(shift: int) -> None:
    wire = b"\x01" * shift + bytes.fromhex(f"0204 05b4 030307 0402 {TS_HEX} 050a 00000001 00000002")
    opts = Options(1460, 7, True, 0x11223344, 0x55667788, ((1, 2),))
    assert options.parse(wire) == opts


def test_timestamps_in_twelve_bytes_of_another_layout() -> None:
    """The short cut for NOP NOP timestamps must not catch, or miss, what merely has its size."""
    assert options.parse(bytes.fromhex(f"{TS_HEX} 0101")) == options.parse(bytes.fromhex(f"01 {TS_HEX} 01"))
    assert options.parse(bytes.fromhex(f"{TS_HEX} 0000")).ts_val == 0x11223344
    assert options.parse(bytes.fromhex("0101 0409 11223344 55667788")).ts_val is None


def test_must_65_an_mss_is_written_only_where_it_was_put() -> None:
    """MUST-65 belongs to the sender of segments; the codec adds no MSS of its own."""
    for opts in (NO_OPTIONS, Options(ts_val=1), Options(sack=((1, 2),)), Options(wscale=1, sack_permitted=True)):
        assert options.parse(options.build(opts)).mss is None


def test_must_69_nothing_is_read_after_the_end_of_the_list() -> None:
    """MUST-69: the rest after EOL is padding of zeros; whatever a peer left there is not an option."""
    read = options.parse(bytes.fromhex("0204 05b4 00 030308") + b"\xff" * 8)
    assert read == Options(mss=1460)
    assert not read.malformed


@given(st.binary(max_size=40))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    read = options.parse(data)
    again = options.parse(options.build(read))
    assert (again.mss, again.wscale, again.sack_permitted, again.ts_val, again.malformed) == (
        read.mss,
        read.wscale,
        read.sack_permitted,
        read.ts_val,
        False,
    )


def test_representation_names_only_what_is_there() -> None:
    assert repr(Options(mss=1460, sack_permitted=True)) == "Options(mss=1460, sack_permitted=True)"
