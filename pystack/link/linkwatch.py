"""Hearing of it when the kernel changes an interface (rtnetlink(7))."""

import socket

import trio

_RTMGRP_LINK = 1
_RECEIVE_SIZE = 65536


class LinkWatch:
    """Tells that some interface has changed: went up or down, got another MTU, was deleted. Linux only."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        self._socket.bind((0, _RTMGRP_LINK))

    async def wait(self) -> None:
        """Return after the next change; several that come together count as one. Raises trio.ClosedResourceError."""
        await trio.lowlevel.wait_readable(self._socket)
        # What has changed is for the caller to look up: a message may be lost when many come (ENOBUFS).
        while True:
            try:
                self._socket.recv(_RECEIVE_SIZE)
            except OSError:
                return

    def close(self) -> None:
        """Let go, and wake whoever waits."""
        if trio.lowlevel.in_trio_run():
            trio.lowlevel.notify_closing(self._socket)
        self._socket.close()
