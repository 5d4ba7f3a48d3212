"""Files below one directory."""

import errno
import mimetypes
import os
import stat
import time
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from urllib.parse import quote, unquote_to_bytes

from pystack.http.exchange import Exchange
from pystack.http.request import Request
from pystack.http.response import Response, http_date, plain

CHUNK_SIZE = 262_144
INDEX = "index.html"

_ALLOW = (b"Allow", b"GET, HEAD")
# O_NONBLOCK: opening a FIFO waits for its other end. O_NOFOLLOW: a link that took the file's place after we looked.
# Windows lacks these, and needs O_BINARY in turn.
_OPEN_FLAGS = os.O_RDONLY
for _flag in ("O_NONBLOCK", "O_NOFOLLOW", "O_NOCTTY", "O_BINARY"):
    _OPEN_FLAGS |= getattr(os, _flag, 0)
_OUR_FAULT = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO}
# What a suffix of compression means for the type: we serve the packed file, not a packed representation of another.
_PACKED_TYPES = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "br": "application/octet-stream",
    "compress": "application/x-compress",
}
# What the older of our Pythons do not know yet, or know by an older name (RFC 9239 for .js).
_NEWER_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".md": "text/markdown",
    ".avif": "image/avif",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}


class _Missing(Exception):
    """Nothing that we show is there."""


class StaticFiles:
    """A handler for GET and HEAD of the regular files below `root`.

    A directory is its `index.html`. Everything else is 404: what is not there, what may not be read, what is no regular
    file, and whatever leaves `root` by `..`, an encoding, or a symbolic link. Links that stay inside work. Who may
    write inside `root` while it is served is trusted not to race with symbolic links.

    Raises `NotADirectoryError` where `root` is no directory.
    """

    def __init__(self, root: str | os.PathLike[str], *, wall_clock: Callable[[], float] = time.time) -> None:
        self._root = os.path.realpath(root)
        if not os.path.isdir(self._root):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), os.fspath(root))
        self._wall_clock = wall_clock
        # The library's own table only, not the machine's: the same types everywhere.
        self._types = mimetypes.MimeTypes()
        for suffix, kind in _NEWER_TYPES.items():
            self._types.add_type(kind, suffix)

    async def __call__(self, exchange: Exchange) -> Response:
        """The answer to one request. Raises `OSError` where the host is at fault, such as no descriptors left."""
        request = exchange.request
        if request.method not in (b"GET", b"HEAD"):
            return plain(HTTPStatus.METHOD_NOT_ALLOWED, headers=(_ALLOW,))
        try:
            return self._answer(request)
        except OSError as error:
            if error.errno in _OUR_FAULT:
                raise
        except (_Missing, UnicodeDecodeError):
            pass
        return plain(HTTPStatus.NOT_FOUND)

    def _answer(self, request: Request) -> Response:
        names = _split(request.path)
        path = self._resolve(os.path.join(self._root, *names))
        if os.path.isdir(path):
            index = self._resolve(os.path.join(path, INDEX))
            if names[-1]:
                return _redirect(names, request.query)
            path = index
        elif not names[-1]:
            raise _Missing
        return self._file(path)

    def _resolve(self, path: str) -> str:
        real = os.path.realpath(path, strict=True)
        if real != self._root and not real.startswith(os.path.join(self._root, "")):
            raise _Missing
        return real

    def _file(self, path: str) -> Response:
        # Asked before opening too: merely opening a device can do something.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise _Missing
        descriptor = os.open(path, _OPEN_FLAGS)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _Missing
            headers = (
                (b"Content-Type", self._type(path)),
                # RFC 9110 section 8.8.2.1: never later than now.
                (b"Last-Modified", http_date(max(0, int(min(status.st_mtime, self._wall_clock()))))),
            )
            return Response(HTTPStatus.OK, headers, FileBody(descriptor, status.st_size), length=status.st_size)
        except BaseException:
            os.close(descriptor)
            raise

    def _type(self, path: str) -> bytes:
        # guess_type takes URLs; with "./" in front no file name looks like one.
        kind, packing = self._types.guess_type("./" + os.path.basename(path))
        if packing is not None:
            kind = _PACKED_TYPES.get(packing)
        kind = kind or "application/octet-stream"
        return (f"{kind}; charset=utf-8" if kind.startswith("text/") else kind).encode()


class FileBody:
    """The next `length` bytes of a descriptor, which it owns: fewer if the file shrinks, no more if it grows.

    The reads are plain ones, on the event loop. Measured, 256 KiB from the page cache take 15 µs, and a hop to a thread
    150 µs: threads would slow every transfer down to spare the loop a wait that only cold files bring. For those the
    kernel is told to read ahead, so that the next chunks are on their way while this one is sent (1 GiB from a cold
    disk: 99 % of the reads within 150 µs, the longest 11 ms).
    """

    def __init__(self, descriptor: int, length: int) -> None:
        self._descriptor = descriptor
        self._remaining = length
        self._closed = False
        if hasattr(os, "posix_fadvise") and length > CHUNK_SIZE:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """The next chunk; what the file system raises."""
        chunk = os.read(self._descriptor, min(CHUNK_SIZE, self._remaining)) if self._remaining else b""
        if not chunk:
            raise StopAsyncIteration
        self._remaining -= len(chunk)
        return chunk

    async def aclose(self) -> None:
        """Closes the descriptor."""
        if not self._closed:
            self._closed = True
            os.close(self._descriptor)


def _split(path: bytes) -> list[str]:
    """The names along a request's path, decoded; the last is empty where the path ends in a slash.

    The path is split before it is decoded: an encoded slash is part of a name (RFC 3986 section 2.2), and no file has
    such a name. Empty names in between are refused too, or the redirect of `//host` would lead to another host.
    """
    first, *rest = path.split(b"/")
    if first or not rest or b"" in rest[:-1]:
        raise _Missing
    names = [os.fsdecode(unquote_to_bytes(name)) for name in rest]
    forbidden = {"\0", "/", os.sep, *("\\:" if os.name == "nt" else "")}
    if any(name in (os.curdir, os.pardir) or not forbidden.isdisjoint(name) for name in names):
        raise _Missing
    return names


def _redirect(names: list[str], query: bytes) -> Response:
    """To the same directory with its slash, so that relative links in its index work."""
    location = "".join("/" + quote(os.fsencode(name)) for name in names).encode() + b"/"
    if query:
        location += b"?" + query
    return plain(HTTPStatus.MOVED_PERMANENTLY, headers=((b"Location", location),))
