"""Asking the control sockets of running `serve`s, and what an answer must look like."""

import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pystack.cli.control import directories, is_ours_alone

_SECONDS: Final = 5.0
"""For a `serve` to give its whole answer."""

_MOST_BYTES: Final = 64 * 1024 * 1024
"""Of an answer. A connection is some 900 bytes of it."""

_LOCAL: Final = {"local_address": str, "local_port": int}
_REMOTE: Final = {"remote_address": str, "remote_port": int}
_INFO: Final = {"rtt": int, "snd_cwnd": int, "unacked": int, "total_retrans": int}

_ANSWER: Final = {
    "pid": int,
    "device": str,
    "mtu": int,
    "addresses": [str],
    "uptime": (int, float),
    "memory": int,
    "connections": [_LOCAL | _REMOTE | {"state": str, "unread": int, "unsent": int, "info": (None, _INFO)}],
    "listeners": [_LOCAL | {"half_open": int, "waiting": int, "backlog": int}],
    "datagrams": [_LOCAL | {"remote_address": (None, str), "remote_port": (None, int)}],
    "echoes": [{"local_address": str, "identifier": int, "remote_address": (None, str)}],
    "counters": {str: int},
}
"""What is shown of an answer, for `_fits`; more may be in it."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the stacks say, by device and process number, and a sentence for each that gives no answer."""

    stacks: list[dict[str, Any]]
    failures: list[str]


class _NoAnswer(Exception):
    """It is there, and does not say what it is doing."""


def ask_all(device: str | None = None) -> Answers:
    """Asks every running stack of this user, or those on `device`. It takes 5 seconds at most for each."""
    answers = Answers([], [])
    places = [place for place in directories() if is_ours_alone(place)]
    for path in sorted((path for place in places for path in place.glob("*.sock")), key=lambda path: path.name):
        name, _, process = path.name.removesuffix(".sock").rpartition(".")
        if device is not None and name != device:
            continue
        try:
            answers.stacks.append(_ask(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)  # its process was killed
        except OSError:
            continue  # it is just ending
        except _NoAnswer as reason:
            answers.failures.append(f"the pystack serve of process {process} on {name} {reason}")
    return answers


def _ask(path: Path) -> dict[str, Any]:
    try:
        answer = json.loads(_read(path))
    except (TimeoutError, BlockingIOError):  # the latter: so many ask already
        raise _NoAnswer(f"did not say within {_SECONDS:g} seconds what it is doing") from None
    except (ValueError, RecursionError):
        raise _NoAnswer("answers in no JSON: is it another program?") from None
    if not _fits(answer, _ANSWER):
        raise _NoAnswer("answers in another form: is it another version?")
    stack: dict[str, Any] = answer
    return stack


def _read(path: Path) -> bytearray:
    """All that is said until the other side ends. Raises OSError, also where nothing is said, and `TimeoutError`."""
    deadline = time.monotonic() + _SECONDS
    said = bytearray()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_SECONDS)
        connection.connect(str(path))
        while data := connection.recv(65_536):
            said += data
            if len(said) > _MOST_BYTES:
                raise _NoAnswer(f"says more than {_MOST_BYTES >> 20} MiB")
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            connection.settimeout(left)
    if not said:
        raise ConnectionResetError
    return said


def _fits(value: object, shape: Any) -> bool:
    """Whether a value of JSON has a shape: a type, None, a list of one shape, some shapes of which one must fit, or an
    object with these members at least, or (`{str: shape}`) with members of one shape.
    """
    if shape is None:
        return value is None
    if isinstance(shape, type):
        return isinstance(value, shape) and not isinstance(value, bool)
    if isinstance(shape, tuple):
        return any(_fits(value, one) for one in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(_fits(item, shape[0]) for item in value)
    if not isinstance(value, dict):
        return False
    if str in shape:
        return all(_fits(item, shape[str]) for item in value.values())
    return all(name in value and _fits(value[name], wanted) for name, wanted in shape.items())
