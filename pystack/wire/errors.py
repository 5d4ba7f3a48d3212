"""The one error that every codec raises on bytes it cannot read."""


class Malformed(ValueError):
    """A packet that must be dropped, with the counter that the drop is counted under.

    `counter` is a MIB name as Linux prints it (`IpInHdrErrors`, `TcpInCsumErrors` …); the message says what was wrong.
    """

    def __init__(self, counter: str, message: str) -> None:
        super().__init__(message)
        self.counter = counter
