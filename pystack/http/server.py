"""Many connections from many listeners."""

import logging
from collections.abc import Sequence
from functools import partial

import trio

from pystack.http.config import HttpConfig
from pystack.http.connection import serve_connection
from pystack.http.drain import Drain
from pystack.http.exchange import Handler

logger = logging.getLogger("pystack.http")


async def serve_http(
    listeners: Sequence[trio.abc.Listener[trio.abc.Stream]],
    handler: Handler,
    config: HttpConfig,
    *,
    drain: Drain | None = None,
    task_status: trio.TaskStatus[Sequence[trio.abc.Listener[trio.abc.Stream]]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serves all `listeners` with `handler` until `drain` is told to stop and the last request in flight is answered.

    It owns the listeners and closes them when it stops accepting. Reports the listeners through `task_status` once all
    of them are being served. The grace time is the caller's: cancelling ends every connection at once.

    A connection never harms the others: what goes wrong in one is logged on `pystack.http`. Without memory or
    descriptors for another connection, accepting pauses (`trio.serve_listeners`). A listener that fails for any other
    reason, such as a device that went away, is raised, in an exception group.
    """
    drain = drain or Drain()

    async def serve_one(stream: trio.abc.Stream) -> None:
        try:
            await serve_connection(stream, handler, config, drain=drain)
        except Exception:
            logger.exception("a connection failed")

    async with trio.open_nursery() as connections, trio.open_nursery() as accepting:
        await accepting.start(partial(trio.serve_listeners, serve_one, list(listeners), handler_nursery=connections))
        task_status.started(listeners)
        await drain.wait_stopping()
        accepting.cancel_scope.cancel()
