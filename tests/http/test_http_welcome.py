"""The page that shows its own connection."""

import dataclasses
from html.parser import HTMLParser

import trio
from http_exchange import CONFIG, Client, Reply, exchange, get, replies

from pystack.http import serve_http, welcome
from pystack.http.drain import Drain


class Page(HTMLParser):
    """Collects the rows of the tables, and whatever would be fetched from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: dict[str, str] = {}
        self.links: list[str | None] = []
        self.tags: list[str] = []
        self._cells: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href")]
        if tag == "tr":
            self._cells = []
        elif tag in ("th", "td"):
            self._cells.append("")

    def handle_data(self, data: str) -> None:
        if self._cells:
            self._cells[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr":
            name, value = self._cells
            self.rows[name] = value
            self._cells = []


@dataclasses.dataclass(frozen=True)
class Info:
    state: str
    rtt: int
    ca_state: int
    congestion: str
    of_tomorrow: str


class InfoSocket:
    """A kernel socket with the one method more that pystack's have."""

    def __init__(self, sock: trio.socket.SocketType) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)

    def tcp_info(self) -> Info:
        return Info("ESTABLISHED", 1_234_567, 4, "<b>reno & co</b>", "<new>")


class InfoListener(trio.abc.Listener[trio.SocketStream]):
    def __init__(self, inner: trio.SocketListener) -> None:
        self.inner = inner

    async def accept(self) -> trio.SocketStream:
        stream = await self.inner.accept()
        stream.socket = InfoSocket(stream.socket)  # type: ignore[assignment]
        return stream

    async def aclose(self) -> None:
        await self.inner.aclose()


def test_it_shows_the_connection_and_its_tcp() -> None:
    async def main() -> tuple[Reply, str, str]:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        drain = Drain()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: serve_http([InfoListener(listener)], welcome, CONFIG, drain=drain))
            port = listener.socket.getsockname()[1]
            async with await trio.open_tcp_stream("127.0.0.1", port) as client:
                reply = await Client(client).ask(get("/?x", "User-Agent: <script>alert(1)</script>"))
                own = client.socket.getsockname()[1]
            drain.stop()
            return reply, f"127.0.0.1:{own}", f"127.0.0.1:{port}"

    reply, peer, local = trio.run(main)
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    page = Page(reply.body.decode())
    assert page.rows == {
        "Your address": peer,
        "Our address": local,
        "Protocol": "HTTP/1.1",
        "Your program": "<script>alert(1)</script>",
        "State": "ESTABLISHED",
        "Round-trip time, smoothed": "1,234.567 ms",
        "Loss recovery": "Loss: starting anew after a time-out",
        "Congestion control": "<b>reno & co</b>",
        "of_tomorrow": "<new>",
    }
    assert "script" not in page.tags
    assert page.links == ["data:,"]
    assert b"url(" not in reply.body
    assert b"prefers-color-scheme: dark" in reply.body


def test_it_does_without_a_socket() -> None:
    (reply,) = replies(exchange(get(version="1.0"), welcome))
    page = Page(reply.body.decode())
    assert page.rows["Your address"] == page.rows["Our address"] == "unknown"
    assert page.rows["Protocol"] == "HTTP/1.0"
    assert "State" not in page.rows


def test_there_is_one_page_and_it_is_only_read() -> None:
    methods = ["GET", "HEAD", "POST", "OPTIONS"]
    asked = get("/favicon.ico") + b"".join(get(method=method) for method in methods[1:])
    missing, head, posted, options = replies(exchange(asked, welcome), methods)
    assert (missing.status, head.status, posted.status, options.status) == (404, 200, 405, 204)
    assert int(head.headers["content-length"]) > 1_000
    assert posted.headers["allow"] == options.headers["allow"] == "GET, HEAD, OPTIONS"
