"""The bundled HTTP server, over any `trio.abc.Stream`."""

from pystack.http.asgi import hosted
from pystack.http.channel import ClientGone
from pystack.http.config import HttpConfig
from pystack.http.connection import serve_connection
from pystack.http.drain import Drain
from pystack.http.exchange import ConnectionInfo, Exchange, Handler
from pystack.http.lifespan import LifespanFailed
from pystack.http.request import Request, RequestFailed
from pystack.http.response import ByteStream, Response, plain
from pystack.http.server import serve_http
from pystack.http.static import StaticFiles
from pystack.http.welcome import welcome

__all__ = [
    "ByteStream",
    "ClientGone",
    "ConnectionInfo",
    "Drain",
    "Exchange",
    "Handler",
    "HttpConfig",
    "LifespanFailed",
    "Request",
    "RequestFailed",
    "Response",
    "StaticFiles",
    "hosted",
    "plain",
    "serve_connection",
    "serve_http",
    "welcome",
]
