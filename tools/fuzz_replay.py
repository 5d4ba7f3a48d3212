"""The command line of the fuzzers' drivers: runs the inputs in files again, or explains them."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path


def main(about: str | None, one_input: Callable[[bytes], None], explain: Callable[[bytes], str]) -> None:
    """Runs `one_input` on each file that the command line names, or prints what `explain` says of it."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--explain", action="store_true", help="say what the input is, and what happens")
    parser.add_argument("paths", metavar="FILE", nargs="+", type=Path, help="an input, or a directory of them")
    args = parser.parse_args()
    for path in inputs(args.paths):
        if args.explain:
            print(f"{path}\n{explain(path.read_bytes())}")
        else:
            one_input(path.read_bytes())


def inputs(paths: list[Path]) -> Iterator[Path]:
    """The files that `paths` name, directories opened."""
    for path in paths:
        yield from sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
