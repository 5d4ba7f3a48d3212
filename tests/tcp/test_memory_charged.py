"""What the buffers say that they hold is what Python allocates for it: no peer gets more than it is charged for."""

import gc
import tracemalloc
from collections.abc import Callable

import pytest

from pystack.tcp.reassembly import Reassembly
from pystack.tcp.recvbuf import ReceiveBuffer

Room = Reassembly | ReceiveBuffer


def apart() -> Room:
    room = Reassembly()
    for at in range(4000):
        room.insert(at * 3, b"x")
    return room


def joined() -> Room:
    """The holes are filled, so that it is one run of many pieces."""
    room = Reassembly()
    for at in [*range(0, 8000, 2), *range(1, 8000, 2)]:
        room.insert(at, b"x")
    return room


def backwards() -> Room:
    room = Reassembly()
    for at in range(20000, 0, -1):
        room.insert(at, b"x")
    return room


def packets(size: int) -> Callable[[], Room]:
    def received() -> Room:
        room = ReceiveBuffer()
        for _ in range(1000):
            room.append(memoryview(bytes(40 + size))[40:])
        return room

    return received


SHAPES = {
    "apart": apart,
    "joined": joined,
    "backwards": backwards,
    **{f"packets of {n}": packets(n) for n in (1, 560, 1000, 1024, 1460, 8960)},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_no_more_is_allocated_than_is_charged(shape: str) -> None:
    gc.collect()
    tracemalloc.start()
    try:
        room = SHAPES[shape]()
        gc.collect()
        real = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    # A bytearray that has grown has an eighth to spare.
    assert real <= room.held * 9 / 8 + 2000
    assert room.held <= 2 * real, "nor much less"
