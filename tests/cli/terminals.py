"""A terminal, for programs that behave in another way at one."""

import os
import pty
import re
import subprocess
import threading
from collections.abc import Sequence

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """`follower` is the descriptor to give to a program, and `send` a hand at its keyboard."""

    def __init__(self) -> None:
        self._leader, self.follower = pty.openpty()
        self._pieces: list[bytes] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            while piece := os.read(self._leader, 65_536):
                self._pieces.append(piece)
        except OSError:  # what Linux says once nobody has the other end open
            pass

    def send(self, keys: bytes) -> None:
        os.write(self._leader, keys)

    def shown(self) -> str:
        """All that was written to it, once nobody has it open any more."""
        os.close(self.follower)
        self._thread.join()
        os.close(self._leader)
        return b"".join(self._pieces).decode()


def plain(shown: str) -> str:
    """Without colours and movements."""
    return _CONTROL.sub("", shown)


def shown_at_a_terminal(
    command: Sequence[str], environment: dict[str, str], *, stdout: int | None = None
) -> tuple[int, str]:
    """The exit status of a command, and what it wrote to the terminal that it ran at. `stdout` goes elsewhere."""
    terminal = Terminal()
    try:
        status = subprocess.run(
            command,
            stdin=terminal.follower,
            stdout=terminal.follower if stdout is None else stdout,
            stderr=terminal.follower,
            env=environment,
            timeout=60,
        ).returncode
    finally:
        shown = terminal.shown()
    return status, shown
