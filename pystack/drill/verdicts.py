"""What becomes of a script."""

from dataclasses import dataclass
from typing import Any, Final

from pystack.drill.errors import Stop
from pystack.drill.script import NOWHERE, Position

PASS: Final = "pass"
VERDICTS: Final = (PASS, "fail", "script error", "unsupported", "setup error")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one script: one of `VERDICTS`; unless it has passed, where it ended and why. `reason` has a first
    line that says it, and more that shows it. `warnings` are lines; `virtual` is the time that the script took on the
    stack's clock, in nanoseconds.
    """

    path: str
    verdict: str
    reason: str = ""
    at: Position = NOWHERE
    warnings: tuple[str, ...] = ()
    virtual: int = 0

    @property
    def has_passed(self) -> bool:
        """Whether the stack does all that the script says."""
        return self.verdict == PASS

    @property
    def headline(self) -> str:
        """The verdict in one line: `file:line:column: verdict: reason`."""
        if self.has_passed:
            return f"{self.path}: {PASS}"
        return f"{self.path}:{self.at.line}:{self.at.column}: {self.verdict}: {self.reason.partition(chr(10))[0]}"

    @property
    def text(self) -> str:
        """The verdict with all that shows it, and its warnings."""
        lines = [self.headline, *self.reason.split("\n")[1:]]
        return "\n".join([*lines, *(f"{self.path}: warning: {warning}" for warning in self.warnings)])

    def record(self) -> dict[str, Any]:
        """The verdict for tools: values that JSON has."""
        record: dict[str, Any] = {"script": self.path, "verdict": self.verdict}
        if not self.has_passed:
            first, _, rest = self.reason.partition("\n")
            record |= {"line": self.at.line, "column": self.at.column, "reason": first, "detail": rest}
        return record | {"warnings": list(self.warnings), "virtual_seconds": self.virtual / 1e9}


def verdict_of(path: str, stop: Stop | None, warnings: tuple[str, ...] = (), virtual: int = 0) -> Verdict:
    """The verdict on a script that `stop` has ended; `None`: nothing has."""
    if stop is None:
        return Verdict(path, PASS, warnings=warnings, virtual=virtual)
    return Verdict(path, stop.verdict, str(stop), stop.at, warnings, virtual)
