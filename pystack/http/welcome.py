"""The page of a server that was given nothing to serve: it shows the connection that fetched it."""

import dataclasses
from collections.abc import Iterable
from html import escape
from http import HTTPStatus

from pystack.http.exchange import ConnectionInfo, Exchange
from pystack.http.page import page
from pystack.http.response import Response, plain, unless_read
from pystack.http.tcpwords import in_words

_STYLE = """\
h1 span { color: var(--mark); }
h2 { margin: 2.25rem 0 .5rem; font-size: 1.05rem; }
p { margin: 0 0 1rem; color: var(--quiet); }
th { width: 45%; padding-right: 1rem; }"""
_INTRODUCTION = """\
<h1><span>py</span>stack</h1>
<p>Every byte of this page came through a TCP/IP stack that is written in Python and lives inside one process.
Give <code>pystack serve</code> a <code>--root</code> to serve files of your own.</p>
"""


async def welcome(exchange: Exchange) -> Response:
    """A handler: the page at "/", 404 elsewhere, 204 for OPTIONS, 405 for other methods."""
    request, connection = exchange.request, exchange.connection
    if other := unless_read(request):
        return other
    if request.path != b"/":
        return plain(HTTPStatus.NOT_FOUND)
    rows = [
        ("Your address", _endpoint(connection.peer)),
        ("Our address", _endpoint(connection.local)),
        ("Protocol", f"HTTP/{request.version}"),
        ("Your program", (request.header(b"user-agent") or b"unknown").decode("latin-1")),
    ]
    tables = _table("This connection", rows)
    info = _tcp_info(connection)
    if info:
        tables += "\n" + _table("Its TCP, as we see it", info)
    headers = ((b"Content-Type", b"text/html; charset=utf-8"), (b"Cache-Control", b"no-store"))
    return Response(HTTPStatus.OK, headers, page("pystack", _STYLE, _INTRODUCTION + tables))


def _tcp_info(connection: ConnectionInfo) -> list[tuple[str, str]]:
    """The snapshot that pystack's sockets offer, in words; nothing for sockets that offer none."""
    ask = getattr(getattr(connection.stream, "socket", None), "tcp_info", None)
    info = ask() if callable(ask) else None
    if not dataclasses.is_dataclass(info) or isinstance(info, type):
        return []
    return in_words({field.name: getattr(info, field.name) for field in dataclasses.fields(info)})


def _table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = [f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows]
    return "\n".join([f"<h2>{escape(title)}</h2>", "<table>", *lines, "</table>"])


def _endpoint(address: tuple[str, int] | None) -> str:
    if address is None:
        return "unknown"
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
