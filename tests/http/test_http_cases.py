"""The table of cases: the same answers over memory, byte by byte, and over the kernel."""

from functools import partial

import pytest
import trio
from http_cases import CASES, CONFIG, SECTIONS, Answer, make_root
from http_exchange import Reply, exchange, read_all, replies, say

from pystack.http import Handler, serve_connection


@pytest.fixture(scope="module")
def handler(tmp_path_factory: pytest.TempPathFactory) -> Handler:
    return make_root(tmp_path_factory.mktemp("root"))


def said(reply: Reply) -> list[tuple[int, bytes]]:
    """A reply as the table has it."""
    body = reply.body + b"".join(b"|%s=%s" % field for field in reply.trailers)
    return [(100, b"")] * reply.continues + [(reply.status, body)]


def check(raw: bytes, request: bytes, expected: list[Answer]) -> None:
    got = replies(raw, ["HEAD"] if request.startswith(b"HEAD") else [])
    answers = [answer for reply in got for answer in said(reply)]
    assert len(answers) == len(expected)
    for (status, body), want in zip(answers, expected, strict=True):
        assert want == (status if isinstance(want, int) else (status, body))
    for reply in got:
        assert reply.headers["date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
        assert reply.headers["server"] == "pystack"
        allow = "GET, HEAD, OPTIONS" if reply.status in (204, 405) else None
        assert reply.headers.get("allow") == allow
        # Where framing is lost the client is told that nothing follows.
        assert reply.closes or reply.status not in (400, 408, 414, 431, 501, 505)


def test_the_names_of_the_cases_are_their_own() -> None:
    assert len(CASES) == sum(map(len, SECTIONS.values()))


@pytest.mark.parametrize("name", CASES)
def test_each_request_gets_its_answer(name: str, handler: Handler) -> None:
    request, expected = CASES[name]
    check(exchange(request, handler, CONFIG), request, expected)


@pytest.mark.parametrize("name", CASES)
def test_the_answer_does_not_depend_on_how_the_bytes_are_split(name: str, handler: Handler) -> None:
    request, _ = CASES[name]
    size = 1 if len(request) < 1_000 else 1_000
    parts = [request[at : at + size] for at in range(0, len(request), size)]
    assert exchange(parts, handler, CONFIG) == exchange(request, handler, CONFIG)


@pytest.mark.parametrize("name", CASES)
def test_kernel_sockets_carry_the_same_answers(name: str, handler: Handler) -> None:
    request, _ = CASES[name]
    assert trio.run(over_loopback, request, handler) == exchange(request, handler, CONFIG)


async def over_loopback(request: bytes, handler: Handler) -> bytes:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener, trio.open_nursery() as nursery:
        client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
        nursery.start_soon(partial(serve_connection, await listener.accept(), handler, CONFIG))
        async with client:
            nursery.start_soon(say, client, [request])
            return await read_all(client)
