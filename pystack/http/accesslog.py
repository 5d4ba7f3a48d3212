"""The combined log format, one line for each response."""

import logging
import re
import time

from pystack.http.request import Request

logger = logging.getLogger("pystack.http.access")

_UNSAFE = re.compile(rb'[^\x20-\x7e]|["\\]')


def log_response(
    peer: str | None, request: Request | None, status: int, body_size: int, now: float, cut_short: str = ""
) -> None:
    """Logs one response of `body_size` body bytes, `now` seconds after 1970; `request` is None if none was parsed.

    `cut_short` is why the client has not got all of it. It is one more quoted word at the end of the line, which those
    who read the combined format pass over.
    """
    line = referer = agent = b"-"
    if request is not None:
        line = b"%s %s HTTP/%s" % (request.method, request.target, request.version.encode())
        referer = request.header(b"referer") or b"-"
        agent = request.header(b"user-agent") or b"-"
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now))
    logger.info(
        '%s - - [%s] "%s" %d %s "%s" "%s"%s',
        peer or "-",
        stamp,
        _safe(line),
        status,
        body_size or "-",
        _safe(referer),
        _safe(agent),
        f' "{cut_short}"' if cut_short else "",
    )


def _safe(value: bytes) -> str:
    """What a client said must not end its quotes, start a line, or steer a terminal."""
    return _UNSAFE.sub(lambda match: b"\\x%02x" % match[0][0], value).decode("ascii")
