"""What a control socket answers, and to whom, in virtual time."""

import dataclasses
import json
from types import SimpleNamespace
from typing import Any

import trio
import trio.testing

from pystack.cli import control
from pystack.stack.inspect import ConnectionView, Inspection, Name
from pystack.tcp.info import TcpInfo

VALUES: dict[str, Any] = {field.name: number for number, field in enumerate(dataclasses.fields(TcpInfo))}
INFO = TcpInfo(**VALUES)
MANY = 1234


def stack(connections: int) -> Any:
    """What is asked of a stack, of which each third connection is in TIME-WAIT."""
    views = tuple(
        ConnectionView(Name(bytes(4), 80), Name(bytes(16), port), "X", 1, 2, INFO if port % 3 else None)
        for port in range(connections)
    )
    found = Inspection(views, (), (), (), 5, {"TcpInSegs": 7})
    return SimpleNamespace(inspect=lambda: found, device_name="tun7", mtu=1500, addresses=["10.0.0.2"])


def answer(connections: int) -> list[bytes]:
    """What is sent, piece by piece."""
    sent: list[bytes] = []

    async def main() -> None:
        _, server = trio.testing.memory_stream_pair()

        async def take() -> None:
            sent.append(bytes(server.send_stream.get_data_nowait()))

        server.send_stream.send_all_hook = take
        await control._answer(stack(connections), 0, server)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return sent


def test_everything_is_told_of_each_connection() -> None:
    told = json.loads(b"".join(answer(MANY)))
    assert [c["remote_port"] for c in told["connections"]] == list(range(MANY))
    assert told["connections"][3] == {
        "local_address": "0.0.0.0",
        "local_port": 80,
        "remote_address": "::",
        "remote_port": 3,
        "state": "X",
        "unread": 1,
        "unsent": 2,
        "info": None,
    }
    assert told["connections"][4]["info"] == VALUES
    assert (told["device"], told["memory"], told["counters"]) == ("tun7", 5, {"TcpInSegs": 7})


def test_of_no_connections() -> None:
    assert json.loads(b"".join(answer(0)))["connections"] == []


def test_others_have_their_turn_while_a_long_answer_is_made() -> None:
    """Each sending lets other tasks run; no piece is about more than a hundred connections."""
    assert max(piece.count(b"local_port") for piece in answer(MANY)) == 100


def test_an_asker_that_never_reads_is_left() -> None:
    async def main() -> float:
        _, server = trio.testing.lockstep_stream_pair()
        await control._answer(stack(1), 0, server)
        return trio.current_time()

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) == 5
