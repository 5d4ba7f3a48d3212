"""`pystack stat`: what running stacks are doing, as `ss` and `nstat` show it of the kernel."""

import json
import sys
import time
from collections.abc import Iterator
from typing import Annotated

import typer

from pystack.cli import checks
from pystack.cli.asking import Answers, ask_all
from pystack.cli.control import CAN_LISTEN
from pystack.cli.exits import FAILED, Refusal, end, end_with_the_reader, ending
from pystack.cli.statrows import lines_of
from pystack.cli.terminal import is_terminal


def stat(
    tun: Annotated[str | None, typer.Option(metavar="NAME", help="Only the stack on this device.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, with all that is known.")] = False,
    watch: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Again and again, until Ctrl-C.", show_default=False),
    ] = None,
) -> None:
    """Show what each `pystack serve` of this user is doing.

    Its listeners, sockets and connections in a table, and its counters. Where `serve` runs as root, so has this.

    Ends with 0, with 1 where a stack gives no proper answer, and with 2 where none is running.
    """
    end_with_the_reader()
    with ending():
        if not CAN_LISTEN:
            raise Refusal("running stacks are asked through Unix sockets, which this system does not have")
        if watch is not None and not checks.seconds("watch", watch):
            raise Refusal("--watch 0 would never rest: give some seconds")
        answers = ask_all(tun)
        if not answers.stacks and not answers.failures:
            where = "here" if tun is None else f"on {tun}"
            raise Refusal(
                f"no pystack serve of this user is running {where}: one that root runs is shown to root alone"
            )
        for_people = is_terminal(sys.stdout) and not as_json
        if watch is None:
            _show_once(answers, as_json=as_json, for_people=for_people)
            return
        rounds = _rounds(answers, tun, watch)
        try:
            if for_people:
                _show_live(rounds)
            else:
                _show_each(rounds, as_json=as_json)
        except KeyboardInterrupt:
            pass  # the way to end it


def _rounds(first: Answers, tun: str | None, watch: float) -> Iterator[Answers]:
    yield first
    while True:
        time.sleep(watch)
        yield ask_all(tun)


def _show_once(answers: Answers, *, as_json: bool, for_people: bool) -> None:
    if for_people:
        from rich.console import Console  # noqa: PLC0415 (only people need it)

        from pystack.cli.stattable import picture  # noqa: PLC0415

        Console().print(picture(answers.stacks, []))
    elif as_json:
        print(_json(answers))
    elif answers.stacks:
        print(*lines_of(answers.stacks), sep="\n")
    sys.stdout.flush()
    _complain(answers.failures[:-1])
    if answers.failures:
        end(FAILED, answers.failures[-1])


def _show_each(rounds: Iterator[Answers], *, as_json: bool) -> None:
    for number, answers in enumerate(rounds):
        if as_json:
            print(_json(answers), flush=True)
        else:
            print(*[""] * bool(number), _moment(), *lines_of(answers.stacks), sep="\n", flush=True)
        _complain(answers.failures)


def _show_live(rounds: Iterator[Answers]) -> None:
    from rich.live import Live  # noqa: PLC0415 (only people need it)

    from pystack.cli.stattable import picture  # noqa: PLC0415

    with Live(auto_refresh=False) as live:
        for answers in rounds:
            live.update(picture(answers.stacks, answers.failures, _moment()), refresh=True)


def _json(answers: Answers) -> str:
    return json.dumps({"stacks": answers.stacks})


def _moment() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def _complain(sentences: list[str]) -> None:
    for sentence in sentences:
        print(f"pystack: {sentence}", file=sys.stderr)
