"""A snapshot of a connection of ours, for people."""

import dataclasses

import pytest
import trio
from http_exchange import run

from pystack import TcpInfo
from pystack.http.tcpwords import in_words
from pystack.link.memory import memory_pair
from pystack.net.open import open_device


async def snapshot() -> TcpInfo:
    near, far = memory_pair(delay_ns=1_000_000)
    async with open_device(near, ["10.0.0.2/24"]) as server, open_device(far, ["10.0.0.1/24"]) as client:
        (listener,) = await server.open_tcp_listeners(80)
        stream = await client.open_tcp_stream("10.0.0.2", 80)
        await stream.send_all(b"x")
        accepted = await listener.accept()
        await trio.sleep(1)
        async with stream, accepted:
            return stream.socket.tcp_info()  # type: ignore[attr-defined, no-any-return]


def words(**changed: object) -> dict[str, str]:
    info = run(snapshot)
    return dict(in_words(dataclasses.asdict(info) | changed))


def test_each_field_has_a_name_and_those_that_need_one_a_unit() -> None:
    shown = words()
    names = {field.name for field in dataclasses.fields(TcpInfo)}
    assert len(shown) == len(names)
    assert not names & set(shown)
    assert shown["State"] == "ESTABLISHED"
    assert shown["Loss recovery"] == "Open: nothing is missing"
    assert shown["Round-trip time, smoothed"] == "2.000 ms"
    assert shown["Retransmission time-out"] == "202.000 ms"
    assert shown["Acknowledged by you"] == "1 byte"
    assert shown["Congestion window"] == "10 packets"
    assert shown["Slow start ends at"] == "none yet"
    assert shown["Selective acknowledgements"] == "agreed"
    assert [name for name, value in shown.items() if value.isdigit()] == []


@pytest.mark.parametrize(
    ("field", "value", "name", "shown"),
    [
        ("rtt", 0, "Round-trip time, smoothed", "not measured yet"),
        ("snd_ssthresh", 1_234, "Slow start ends at", "1,234 packets"),
        ("sack", False, "Selective acknowledgements", "not agreed"),
        ("snd_wscale", 7, "Window scale, yours", "× 128"),
        ("backoff", 1, "Time-out doubled", "1 time"),
        ("ca_state", 9, "Loss recovery", "9"),
        ("new", None, "new", "None"),
    ],
)
def test_values_in_words(field: str, value: object, name: str, shown: str) -> None:
    assert words(**{field: value})[name] == shown
