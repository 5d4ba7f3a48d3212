"""Why a script has not passed: one exception for each verdict but `pass`."""

from pystack.drill.script import NOWHERE, Position


class Stop(Exception):
    """Ends the run of a script. The message says why, in one line or more; `at` says where."""

    verdict = "fail"

    def __init__(self, message: str, at: Position = NOWHERE) -> None:
        super().__init__(message)
        self.at = at


class Failure(Stop):
    """The stack under test does not do what the script says."""


class PacketFailure(Failure):
    """It sends another packet, or at another time, or none."""


class CallFailure(Failure):
    """A call returns something else, or at another time."""


class ScriptError(Stop):
    """The script is wrong: its syntax, a symbol that nobody knows, an echo of a timestamp that never was …"""

    verdict = "script error"


class Unsupported(Stop):
    """The script asks for something that this interpreter, or the stack's adapter, does not have."""

    verdict = "unsupported"


class SetupError(Stop):
    """What has to be there before the first event cannot be set up."""

    verdict = "setup error"
