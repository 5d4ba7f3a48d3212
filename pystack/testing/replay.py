"""What it takes to see a failing test again: its seed, and the packets that it saw."""

import re
import shlex
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, cast

_MEMORY: Final = 16 << 20
"""Bytes of a capture that are kept in memory; more are in an unnamed file."""
_NAME_LENGTH: Final = 100


def seed_of(nodeid: str) -> int:
    """The seed of a test that is given none: another for each, the same in every run."""
    return zlib.crc32(nodeid.encode())


class Replay:
    """Of one test, which pytest calls `nodeid`."""

    def __init__(self, nodeid: str) -> None:
        self.seed: int | None = None
        """What the randomness of its network came from; None where there was none."""
        self._nodeid = nodeid
        self._captures: dict[str, SpooledTemporaryFile[bytes]] = {}

    def capture(self, name: str) -> BinaryIO:
        """A file for a capture, of which nothing remains unless it is told."""
        file = self._captures[name] = SpooledTemporaryFile(_MEMORY)  # noqa: SIM115 (see close)
        return cast(BinaryIO, file)

    def tell(self, file: Path, here: Path, folder: Callable[[], Path]) -> str:
        """Keeps the captures in a folder, and says in a few lines how to see the test, which is in `file`, again. Files
        are shown as somebody finds them who stands `here`.
        """
        lines = []
        shown = f"{_shown(file, here)}::{self._nodeid.partition('::')[2]}"
        if self.seed is not None:
            lines.append(f"seed {self.seed}; again: pytest {shlex.quote(shown)} --pystack-seed {self.seed}")
        for name, capture in self._captures.items():
            try:
                lines.append(f"packets of {name}: {_shown(self._keep(name, capture, folder()), here)}")
            except OSError as error:
                lines.append(f"packets of {name}: not kept ({error})")
        return "\n".join(lines)

    def close(self) -> None:
        """Forgets what was captured."""
        for file in self._captures.values():
            file.close()

    def _keep(self, name: str, file: SpooledTemporaryFile[bytes], folder: Path) -> Path:
        words = re.sub(r"[^\w.]+", "-", self._nodeid)[-_NAME_LENGTH:].strip("-")
        path = folder / f"{words}-{seed_of(self._nodeid):08x}-{name}.pcapng"
        folder.mkdir(parents=True, exist_ok=True)
        file.seek(0)
        with path.open("wb") as target:
            shutil.copyfileobj(file, target)
        return path


def _shown(file: Path, here: Path) -> Path:
    return file.relative_to(here) if file.is_relative_to(here) else file
