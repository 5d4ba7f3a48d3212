"""Files below one directory."""

import errno
import os
import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote, unquote_to_bytes

from pystack.http.conditional import Validators, outcome, range_still_fits
from pystack.http.encodings import acceptable
from pystack.http.exchange import Exchange
from pystack.http.files import FileBody, Missing, OpenFile, looking
from pystack.http.listing import entries, listing
from pystack.http.mediatypes import media_type
from pystack.http.ranges import Range, Unsatisfiable, content_range, multipart, parse_ranges
from pystack.http.request import Request
from pystack.http.response import Response, http_date, plain, unless_read

INDEX = "index.html"

# Content codings and the suffixes of files that have them, those that pack best first.
_SUFFIXES = {b"br": ".br", b"gzip": ".gz"}


class StaticFiles:
    """A handler for GET and HEAD of the regular files below `root`; OPTIONS of anything says just that.

    A directory is its `index.html`; without one, and with `list_directories`, a page of what is in it (but for names
    that begin with a dot). Everything else is 404: what is not there, what may not be read, what is no regular file,
    and whatever leaves `root` by `..`, an encoding, or a symbolic link. Links that stay inside work. Who may write
    inside `root` while it is served is trusted not to race with symbolic links.

    Beside `NAME`, a file `NAME.br` or `NAME.gz` is sent in its place to clients that accept that coding, however old it
    is. Conditional requests (RFC 9110 section 13) are answered by an entity tag of size and time of change. So are
    ranges (section 14), of the file as it is sent: compressed, if it is. Several ranges of a compressed file are
    answered with the whole, as nothing would say whether the parts are compressed or all of them together.

    `wall_clock` gives seconds since 1970, `entropy` so many random bytes. Raises `NotADirectoryError` where `root`
    is no directory.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        list_directories: bool = False,
        wall_clock: Callable[[], float] = time.time,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._root = os.path.realpath(root)
        if not os.path.isdir(self._root):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), os.fspath(root))
        self._list_directories = list_directories
        self._wall_clock = wall_clock
        self._entropy = entropy

    async def __call__(self, exchange: Exchange) -> Response:
        """The answer to one request. Raises `OSError` where the host is at fault, such as no descriptors left."""
        request = exchange.request
        if other := unless_read(request):
            return other
        try:
            with looking():
                answer = self._answer(request)
                return answer if isinstance(answer, Response) else await self._listing(request, answer)
        except Missing:
            return plain(HTTPStatus.NOT_FOUND)

    def _answer(self, request: Request) -> Response | str:
        """The response, or the directory to list."""
        names = _split(request.path)
        path = self._resolve(os.path.join(self._root, *names))
        if not os.path.isdir(path):
            if not names[-1]:
                raise Missing
            return self._file(request, path)
        index = os.path.join(path, INDEX)
        listed = self._list_directories and not os.path.exists(index)
        if not listed:
            index = self._resolve(index)
        if names[-1]:
            return _redirect(names, request.query)
        return path if listed else self._file(request, index)

    def _resolve(self, path: str) -> str:
        with looking():
            real = os.path.realpath(path, strict=True)
        if real != self._root and not real.startswith(os.path.join(self._root, "")):
            raise Missing
        return real

    async def _listing(self, request: Request, directory: str) -> Response:
        content = listing("/" + "/".join(_split(request.path)), await entries(directory, self._resolve))
        headers = ((b"Content-Type", b"text/html; charset=utf-8"), (b"Cache-Control", b"no-cache"))
        return Response(HTTPStatus.OK, headers, content)

    def _file(self, request: Request, path: str) -> Response:
        packed = {coding: path + suffix for coding, suffix in _SUFFIXES.items() if os.path.lexists(path + suffix)}
        for coding in acceptable(request, packed):
            try:
                with looking():
                    file = OpenFile.at(self._resolve(packed[coding]))
                    break
            except Missing:
                pass
        else:
            coding, file = b"", OpenFile.at(path)
        try:
            response = self._respond(request, file, media_type(path), coding, varies=bool(packed))
        except BaseException:
            os.close(file.descriptor)
            raise
        if not isinstance(response.body, FileBody):
            os.close(file.descriptor)
        return response

    def _respond(self, request: Request, file: OpenFile, kind: bytes, coding: bytes, varies: bool) -> Response:
        """What a request for `file` comes to. Only with a `FileBody` does the answer own the descriptor."""
        now = int(self._wall_clock())
        # RFC 9110 section 8.8.2.1: never later than now.
        changed = max(0, min(file.changed // 10**9, now))
        validators = Validators(_etag(file, coding), changed, now)
        fields = [(b"ETag", validators.etag)]
        if varies:
            fields.append((b"Vary", b"Accept-Encoding"))
        match outcome(request, validators):
            case HTTPStatus.NOT_MODIFIED:
                return Response(HTTPStatus.NOT_MODIFIED, tuple(fields))
            case HTTPStatus() as failed:
                return plain(failed)
        fields += [(b"Last-Modified", http_date(changed)), (b"Accept-Ranges", b"bytes")]
        if coding:
            fields.append((b"Content-Encoding", coding))
        parts = None
        # Section 14.2: for methods other than GET the field means nothing.
        if request.method == b"GET" and range_still_fits(request, validators):
            try:
                parts = parse_ranges(request.combined(b"range"), file.size)
            except Unsatisfiable:
                return plain(
                    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=((b"Content-Range", b"bytes */%d" % file.size),)
                )
        if parts is None or (coding and len(parts) > 1):
            status = HTTPStatus.OK
            pieces: list[bytes | Range] = [(0, file.size)]
        elif len(parts) == 1:
            status = HTTPStatus.PARTIAL_CONTENT
            fields.append((b"Content-Range", content_range(parts[0], file.size)))
            pieces = [parts[0]]
        else:
            status = HTTPStatus.PARTIAL_CONTENT
            boundary = self._entropy(16).hex().encode()
            pieces = list(multipart(parts, file.size, kind, boundary))
            kind = b"multipart/byteranges; boundary=" + boundary
        body = FileBody(file.descriptor, pieces)
        return Response(status, ((b"Content-Type", kind), *fields), body, length=body.length)


def _etag(file: OpenFile, coding: bytes) -> bytes:
    """A strong entity tag; another for each coding, as section 8.8.1 wants."""
    return b'"%x-%x%s"' % (file.changed, file.size, _SUFFIXES[coding].replace(".", "-").encode() if coding else b"")


def _split(path: bytes) -> list[str]:
    """The names along a request's path, decoded; the last is empty where the path ends in a slash.

    The path is split before it is decoded: an encoded slash is part of a name (RFC 3986 section 2.2), and no file has
    such a name. Empty names in between are refused too, or the redirect of `//host` would lead to another host.
    """
    first, *rest = path.split(b"/")
    if first or not rest or b"" in rest[:-1]:
        raise Missing
    names = [os.fsdecode(unquote_to_bytes(name)) for name in rest]
    forbidden = {"\0", "/", os.sep, *("\\:" if os.name == "nt" else "")}
    if any(name in (os.curdir, os.pardir) or not forbidden.isdisjoint(name) for name in names):
        raise Missing
    return names


def _redirect(names: list[str], query: bytes) -> Response:
    """To the same directory with its slash, so that relative links in its index work."""
    location = "".join("/" + quote(os.fsencode(name)) for name in names).encode() + b"/"
    if query:
        location += b"?" + query
    return plain(HTTPStatus.MOVED_PERMANENTLY, headers=((b"Location", location),))
