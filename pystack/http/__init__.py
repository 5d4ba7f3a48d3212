"""The bundled HTTP server, over any `trio.abc.Stream`."""

from pystack.http.config import HttpConfig
from pystack.http.connection import ConnectionInfo, Handler, serve_connection
from pystack.http.drain import Drain
from pystack.http.parser import Request
from pystack.http.response import ByteStream, Response, plain
from pystack.http.server import serve_http
from pystack.http.static import StaticFiles
from pystack.http.welcome import welcome

__all__ = [
    "ByteStream",
    "ConnectionInfo",
    "Drain",
    "Handler",
    "HttpConfig",
    "Request",
    "Response",
    "StaticFiles",
    "plain",
    "serve_connection",
    "serve_http",
    "welcome",
]
