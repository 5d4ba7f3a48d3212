"""Plants known bugs, one at a time, in a copy of the tree, and tells whether the tests notice.

    python tools/mutate.py [--only NAME…] [-j N] [--json] [--docs] [--list]

The bugs are data, in tools/planted_bugs/. Of each the tests that should notice run first, and where they do not, all
but those that are marked `kernel` or `long`. At the end the tests that noticed run once without any bug.

Exit status: 0 all bugs were caught, 1 one survived (or a test fails without it too), 2 the list does not fit the tree.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import mutate_page
import trio
from mutate_list import BadList, Mutant, load, mutated
from mutate_show import Shown
from mutate_trial import GOOD, WIDE, Result, confirmed, copy_of_tree, trial


async def plant(mutants: list[Mutant], jobs: int, shown: Shown, *, widely: bool = True) -> list[Result]:
    """Plants each of them, so many at a time as there are `jobs`, and returns what became of them, in their order. With
    `widely` those that survive their own tests meet all others.
    """
    waiting = list(reversed(mutants))
    results: dict[str, Result] = {}

    async def work(tree: Path) -> None:
        await trio.to_thread.run_sync(copy_of_tree, tree)
        while waiting:
            mutant = waiting.pop()
            with shown.running(mutant.name):
                results[mutant.name] = await trial(mutant, tree, wide=WIDE if widely else ())
            shown.row(results[mutant.name])

    with tempfile.TemporaryDirectory(prefix="pystack-mutate-") as place:
        trees = [Path(place) / f"tree-{number}" for number in range(min(jobs, len(mutants)))]
        async with trio.open_nursery() as nursery:
            for tree in trees:
                nursery.start_soon(work, tree)
        with shown.running("the same tests without a bug"):
            final = await confirmed([results[m.name] for m in mutants], trees[0])
    for result in final:
        if result != results[result.name]:
            shown.row(result)
    return final


def arguments_of(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="mutate.py", description="Plants known bugs and tells whether tests notice.")
    parser.add_argument("--only", action="append", metavar="NAME", help="these bugs; may be a pattern such as rto-*")
    parser.add_argument("-j", "--jobs", type=int, default=1, metavar="N", help="so many at a time (1)")
    parser.add_argument("--narrow", action="store_true", help="only the tests that should notice first")
    parser.add_argument("--json", action="store_true", help="the results as JSON on standard output")
    parser.add_argument("--docs", action="store_true", help="write them into docs/reference/planted-bugs.md")
    parser.add_argument("--list", action="store_true", help="only tell which bugs there are")
    arguments = parser.parse_args(words)
    if arguments.jobs < 1:
        parser.error("-j takes 1 or more")
    return arguments


def chosen(mutants: list[Mutant], patterns: list[str] | None) -> list[Mutant]:
    """Those that a pattern names. Raises `BadList` for a pattern that names none."""
    patterns = patterns or ["*"]
    for pattern in patterns:
        if not any(fnmatchcase(m.name, pattern) for m in mutants):
            raise BadList(f"there is no bug {pattern}; --list shows which there are")
    return [m for m in mutants if any(fnmatchcase(m.name, pattern) for pattern in patterns)]


def main(words: list[str]) -> int:
    """By the command line."""
    arguments = arguments_of(words)
    try:
        every = load()
        mutants = chosen(every, arguments.only)
        for mutant in mutants:
            mutated(mutant)
    except BadList as problem:
        print(f"mutate: {problem}", file=sys.stderr)
        return 2
    if arguments.list:
        print("\n".join(f"{m.name}: {m.wrong}" for m in mutants))
        return 0
    began = time.monotonic()
    results: list[Result] = []
    with Shown(len(mutants), to_stderr=arguments.json) as shown:
        try:
            results = trio.run(partial(plant, mutants, arguments.jobs, shown, widely=not arguments.narrow))
        except* KeyboardInterrupt:
            pass
        if not results:
            return 130
        shown.counts(results, time.monotonic() - began)
    if arguments.json:
        print(json.dumps([asdict(result) for result in results], indent=1))
    if arguments.docs:
        mutate_page.write(every, results)
    return 0 if all(result.verdict in GOOD for result in results) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
