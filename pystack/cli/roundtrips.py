"""What became of a run of echo requests, in numbers and in the words that `ping` has for them."""

import math


class RoundTrips:
    """Counts requests, replies and errors. Times are seconds."""

    def __init__(self) -> None:
        self.sent = 0
        self.received = 0
        self.duplicates = 0
        self.errors = 0
        self.slowest = 0.0
        self._fastest = math.inf
        self._sum = 0.0
        self._sum_of_squares = 0.0

    def reply(self, took: float) -> None:
        """The first reply to a request has come."""
        self.received += 1
        self._took(took)

    def duplicate(self, took: float) -> None:
        """One more reply to the same request."""
        self.duplicates += 1
        self._took(took)

    def _took(self, took: float) -> None:
        self.slowest = max(self.slowest, took)
        self._fastest = min(self._fastest, took)
        self._sum += took
        self._sum_of_squares += took * took

    def summary(self, host: str, elapsed: float) -> str:
        """The lines at the end. `elapsed`: since the first request, which was sent."""
        parts = [f"{self.sent} packets transmitted", f"{self.received} received"]
        if self.duplicates:
            parts.append(f"+{self.duplicates} duplicates")
        if self.errors:
            parts.append(f"+{self.errors} errors")
        lost = 100 * (self.sent - self.received) / self.sent if self.sent else 0.0
        parts += [f"{lost:.6g}% packet loss", f"time {elapsed * 1000:.0f}ms"]
        lines = [f"--- {host} ping statistics ---", ", ".join(parts)]
        count = self.received + self.duplicates
        if count:
            mean = self._sum / count
            deviation = math.sqrt(max(self._sum_of_squares / count - mean * mean, 0.0))
            times = "/".join(f"{t * 1000:.3f}" for t in (self._fastest, mean, self.slowest, deviation))
            lines.append(f"rtt min/avg/max/mdev = {times} ms")
        return "\n".join(lines)


def milliseconds(took: float) -> str:
    """A time as a reply's line has it: with three digits, or all that there are before the point."""
    value = took * 1000
    return f"{value:.{3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0}f} ms"
