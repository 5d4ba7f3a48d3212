"""Seeded runs over hostile links: of each seed everything follows. To run some again, and see what they did:

.venv/bin/python tests/sim/sim_seeds.py 1234 1235
.venv/bin/python tests/sim/sim_seeds.py --first 1000 --count 10000
"""

import argparse
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from sim_options import OPTIONS, seeded_options
from sim_scenario import assert_all_or_error, run

COMMAND = ".venv/bin/python tests/sim/sim_seeds.py"
_AT_ONCE = 25
"""Seeds that a process takes at a time."""


def find_violation(seed: int, folder: Path) -> str | None:
    """Runs the scenario of a seed. Where something does not hold, it runs again with a capture, into `folder`; returns
    what a person needs to look into it: the seed, what failed, how to replay it, where its packets are.
    """
    options = seeded_options(seed)
    try:
        assert_all_or_error(run(seed, options))
        return None
    except Exception as error:
        story = traceback.format_exception_only(error)[-1].strip()
        place = traceback.extract_tb(error.__traceback__)[-1]
    path = folder / f"pystack-seed-{seed}.pcapng"
    with path.open("wb") as file:
        try:
            run(seed, options, capture=file)
        except Exception:
            pass  # as before
    unlike = {name: value for name, value in options.items() if value != OPTIONS[name][0]}
    return (
        f"seed {seed}: {story}\n  at {Path(place.filename).name}:{place.lineno}, {place.line}\n"
        f"  unlike the plain case: {unlike}\n  again: {COMMAND} {seed}\n  packets: {path}"
    )


def find_violations(seeds: Iterable[int], workers: int) -> Iterator[tuple[int, str | None]]:
    """The same of many seeds, in their order, by so many processes."""
    seeds = list(seeds)
    find = partial(find_violation, folder=Path(tempfile.gettempdir()))
    if workers <= 1:
        yield from zip(seeds, map(find, seeds), strict=True)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from zip(seeds, pool.map(find, seeds, chunksize=_AT_ONCE), strict=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Run seeded scenarios, and ask of each whether the properties hold.")
    parser.add_argument("seeds", nargs="*", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="processes")
    arguments = parser.parse_args()
    seeds = [*arguments.seeds, *range(arguments.first, arguments.first + arguments.count)]
    violations = 0
    for done, (_, violation) in enumerate(find_violations(seeds, arguments.workers), 1):
        if violation is not None:
            violations += 1
            print(violation, flush=True)
        if done % 500 == 0:
            print(f"{done} of {len(seeds)} seeds", file=sys.stderr)
    print(f"{len(seeds)} seeds, {violations} violations")
    return violations > 0


if __name__ == "__main__":
    sys.exit(main())
