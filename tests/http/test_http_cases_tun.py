"""The table of cases over TUN and over kernel sockets, said by raw sockets, curl and h11: the answers are those over
memory."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import h11
import pytest
import trio
from http_cases import CASES, CONFIG, TAG, make_root
from http_exchange import exchange, read_all, say
from namespaces import OURS, private_network

import pystack
from pystack.http import Handler, serve_http

pytestmark = pytest.mark.kernel

SECONDS = 20
PORT = 80
PATHS = {"tun": list(OURS.values()), "kernel": ["127.0.0.1", "::1"]}
"""Both families each."""


@pytest.fixture
def handler(tmp_path: Path) -> Handler:
    return make_root(tmp_path)


@asynccontextmanager
async def serving(path: str, handler: Handler) -> AsyncIterator[None]:
    """One server for all cases."""
    async with pystack.open_tun() as net, trio.open_nursery() as nursery:
        if path == "tun":
            listeners = await net.open_tcp_listeners(PORT)
        else:
            listeners = [
                listener for host in PATHS[path] for listener in await trio.open_tcp_listeners(PORT, host=host)
            ]
        await nursery.start(partial(serve_http, listeners, handler, CONFIG))
        yield
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("path", PATHS)
def test_raw_sockets_get_what_memory_gets(path: str, handler: Handler) -> None:
    """Byte by byte, up to a FIN: a RST would raise. One server answers all, in both families."""

    async def main() -> dict[str, bytes]:
        answers = {}
        async with serving(path, handler):
            for name, (request, _) in CASES.items():
                for host in PATHS[path]:
                    answers[f"{name}, {host}"] = await ask(host, request)
        return answers

    answers = private_network(main)
    wanted = {name: exchange(request, handler, CONFIG) for name, (request, _) in CASES.items()}
    assert answers == {f"{name}, {host}": wanted[name] for name in CASES for host in PATHS[path]}


async def ask(host: str, request: bytes) -> bytes:
    with trio.fail_after(SECONDS):
        async with await trio.open_tcp_stream(host, PORT) as client, trio.open_nursery() as nursery:
            nursery.start_soon(say, client, [request])
            return await read_all(client)


# What curl is told to do, for those cases that it can say; {} is where the server is.
DIGITS = ("{}/digits",)
CURL: dict[str, tuple[str, ...]] = {
    "index": ("{}/",),
    "file": ("{}/a.txt",),
    "empty file": ("{}/empty",),
    "query": ("{}/a.txt?x=1&y=?",),
    "percent-encoded": ("{}/%61%2Etxt",),
    "directory": ("{}/sub%20dir/",),
    "directory without its slash": ("{}/sub%20dir",),
    "not there": ("{}/nothing",),
    "absolute form": ("--request-target", "http://x/a.txt?q", "{}/"),
    "absolute form of another scheme": ("--request-target", "ftp://x/a.txt", "{}/"),
    "target without a slash": ("--request-target", "a.txt", "{}/"),
    "fragment": ("--request-target", "/a.txt#x", "{}/"),
    "HEAD": ("-I", "{}/a.txt"),
    "OPTIONS *": ("-X", "OPTIONS", "--request-target", "*", "{}/"),
    "DELETE": ("-X", "DELETE", "{}/a.txt"),
    "unknown method": ("-X", "BREW", "{}/"),
    "method in lower case": ("-X", "get", "{}/"),
    "bytes=2-4": ("-r", "2-4", *DIGITS),
    "bytes=-3": ("-r", "-3", *DIGITS),
    "range behind the end": ("-r", "10-", *DIGITS),
    "two ranges": ("-r", "7-, 0-1", *DIGITS),
    "33 ranges": ("-H", "Range: bytes=" + "0-0," * 33, *DIGITS),
    "If-Range, another tag": ("-r", "2-4", "-H", 'If-Range: "x"', *DIGITS),
    "If-None-Match, the same tag": ("-H", f"If-None-Match: {TAG}", *DIGITS),
    "If-Modified-Since, the same date": ("-z", "Tue, 14 Nov 2023 22:11:40 GMT", *DIGITS),
    "If-Match, another tag": ("-H", 'If-Match: "x"', *DIGITS),
    "gzip, where NAME.gz is there": ("-H", "Accept-Encoding: gzip", "{}/style.css"),
    "HTTP/1.0": ("-0", "{}/"),
    "HTTP/1.0, body up to the end": ("-0", "{}/pieces"),
    "close": ("-H", "Connection: close", "{}/"),
    "Upgrade is ignored": ("-H", "Connection: Upgrade", "-H", "Upgrade: h2c", "{}/"),
    "empty Host": ("-H", "Host;", "{}/"),
    "no Host": ("-H", "Host:", "{}/"),
    "bad Host": ("-H", "Host: a b", "{}/"),
    "DEL in a field": ("-H", "A: b\x7fc", "{}/"),
    "obs-fold": ("-H", "A: b\r\n c", "{}/"),
    "body": ("-d", "hello", "{}/echo"),
    "empty body": ("-d", "", "{}/echo"),
    "body that nobody asked for": ("-d", "hello", "{}/"),
    "two that differ": ("-d", "hello", "-H", "Content-Length: 5\r\nContent-Length: 6", "{}/echo"),
    "sign": ("-d", "hello", "-H", "Content-Length: +5", "{}/echo"),
    "chunks": ("-d", "hello", "-H", "Transfer-Encoding: chunked", "{}/echo"),
    "chunked, gzip": ("-H", "Transfer-Encoding: chunked, gzip", "{}/echo"),
    "Expect: 100-continue": ("-d", "hello", "-H", "Expect: 100-continue", "{}/echo"),
    "Expect without a body": ("-H", "Expect: 100-continue", "{}/"),
    "Expect before too large a body": (
        *("-X", "POST", "-H", "Expect: 100-continue", "-H", "Content-Length: 100001"),
        "{}/echo",
    ),
    "response in chunks": ("{}/pieces",),
    "longest target": ("{}/" + "a" * 8_191,),
    "long target": ("{}/" + "a" * 8_192,),
    "large field": ("-H", "A: " + "b" * 65_536, "{}/"),
    "101 fields": (*("-H", "A: b") * 100, "{}/"),
}


def wanted(name: str) -> list[tuple[int, bytes | None]]:
    """The answers to the first request of a case; None for a body that the table does not give."""
    answers = []
    for answer in CASES[name][1]:
        status, body = (answer, None) if isinstance(answer, int) else answer
        answers.append((status, body))
        if status != 100:
            break
    return answers


@pytest.mark.parametrize("path", PATHS)
def test_curl_gets_the_answers_of_the_table(path: str, handler: Handler) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")

    async def main() -> dict[str, tuple[bytes, bytes]]:
        async with serving(path, handler):
            said = {}
            for name, arguments in CURL.items():
                host = PATHS[path][0]
                filled = [argument.replace("{}", f"http://{host}") for argument in arguments]
                command = ["curl", "-sSg", "-m", str(SECONDS), "-D", "/dev/stderr", *filled]
                done = await trio.run_process(command, capture_stdout=True, capture_stderr=True)
                said[name] = (done.stderr, done.stdout)
            return said

    for name, (heads, body) in private_network(main).items():
        got = [int(head.split(b" ")[1]) for head in heads.split(b"\r\n\r\n") if head.startswith(b"HTTP/1.1 ")]
        answers = wanted(name)
        assert got == [status for status, _ in answers], name
        assert answers[-1][1] in (None, body) or "-I" in CURL[name], name


# What h11 is told to say: method, target, fields, body.
H11: dict[str, tuple[str, str, dict[str, str], bytes]] = {
    "index": ("GET", "/", {}, b""),
    "file": ("GET", "/a.txt", {}, b""),
    "not there": ("GET", "/nothing", {}, b""),
    "HEAD": ("HEAD", "/a.txt", {}, b""),
    "OPTIONS *": ("OPTIONS", "*", {}, b""),
    "bytes=2-4": ("GET", "/digits", {"Range": "bytes=2-4"}, b""),
    "If-None-Match, the same tag": ("GET", "/digits", {"If-None-Match": TAG}, b""),
    "close": ("GET", "/", {"Connection": "close"}, b""),
    "body": ("POST", "/echo", {"Content-Length": "5"}, b"hello"),
    "chunks": ("POST", "/echo", {"Transfer-Encoding": "chunked"}, b"hello"),
    "Expect: 100-continue": ("POST", "/echo", {"Expect": "100-continue", "Content-Length": "5"}, b"hello"),
    "body too large, and read out": ("POST", "/echo", {"Content-Length": "100001"}, bytes(100_001)),
    "response in chunks": ("GET", "/pieces", {}, b""),
    "response with a trailer": ("GET", "/pieces", {"TE": "trailers", "Connection": "TE"}, b""),
    "longest target": ("GET", "/" + "a" * 8_191, {}, b""),
    "long target": ("GET", "/" + "a" * 8_192, {}, b""),
}


class H11Client:
    """A client that lets h11 decide what to write, and whether the connection can be used again."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.machine = h11.Connection(h11.CLIENT)
        self.answers: list[tuple[int, bytes]] = []
        self._stream = stream

    async def ask(self, method: str, target: str, fields: dict[str, str], body: bytes) -> None:
        await self._send(h11.Request(method=method, target=target, headers=[("Host", "x"), *fields.items()]))
        if self.machine.client_is_waiting_for_100_continue:
            leave = await self._next()
            assert isinstance(leave, h11.InformationalResponse)
            self.answers.append((leave.status_code, b""))
        if body:
            await self._send(h11.Data(data=body))
        await self._send(h11.EndOfMessage())
        response = await self._next()
        assert isinstance(response, h11.Response)
        received = b""
        while not isinstance(event := await self._next(), h11.EndOfMessage):
            assert isinstance(event, h11.Data)
            received += event.data
        received += b"".join(b"|%s=%s" % field for field in event.headers)
        self.answers.append((response.status_code, received))

    async def _send(self, event: h11.Event) -> None:
        if data := self.machine.send(event):
            await self._stream.send_all(data)

    async def _next(self) -> h11.Event:
        while (event := self.machine.next_event()) is h11.NEED_DATA:
            self.machine.receive_data(await self._stream.receive_some())
        assert isinstance(event, h11.Event)
        return event


@pytest.mark.parametrize("path", PATHS)
def test_h11_gets_the_answers_of_the_table(path: str, handler: Handler) -> None:
    """And where it says that the connection may be used again, another request is answered."""

    async def main() -> dict[str, list[tuple[int, bytes]]]:
        answers = {}
        async with serving(path, handler):
            for name, said in H11.items():
                with trio.fail_after(SECONDS):
                    async with await trio.open_tcp_stream(PATHS[path][-1], PORT) as stream:
                        client = H11Client(stream)
                        await client.ask(*said)
                        if client.machine.our_state is h11.DONE:
                            client.machine.start_next_cycle()
                            await client.ask("GET", "/a.txt", {"Connection": "close"}, b"")
                answers[name] = client.answers
        return answers

    for name, answers in private_network(main).items():
        _, table = CASES[name]
        assert len(answers) == len(table), name
        for (status, body), want in zip(answers, table, strict=True):
            assert want == (status if isinstance(want, int) else (status, body)), name
