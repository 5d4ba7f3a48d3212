"""Coverage-guided fuzzing with atheris (libFuzzer): `fuzz_wire.py`, then `fuzz_host.py`.

    python tools/fuzz.py [--only wire|host] [OPTION…]

OPTIONs are libFuzzer's, such as -max_total_time=60 (seconds for each driver, what holds without any) or -runs=10000.
It starts from tests/corpus/ and from what earlier runs have found, which stays in build/fuzz/. A line for each driver
says what was tried and what became of it.

Exit status: 0 nothing was found, 1 something was, 2 atheris is not there, 130 Ctrl-C.
"""

import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "tests" / "corpus"
FOUND = ROOT / "build" / "fuzz"
DRIVERS = ("wire", "host")
LIMITS = {
    "wire": ["-max_len=600", "-timeout=10"],
    "host": ["-max_len=1204", "-timeout=30"],
}
"""The longest input in bytes, and seconds that one may take."""

MINUTE = "-max_total_time=60"
PROGRESS = re.compile(r"#(?P<runs>\d+)\s+\w+\s+cov: (?P<cov>\d+) ft: (?P<ft>\d+) corp: (?P<corp>\d+)/")
DONE = re.compile(r"Done (?P<runs>\d+) runs in (?P<seconds>\d+) second")
ROUTINE = re.compile(r"#\d+\s|INFO|WARNING|\s*NEW_")
ARTIFACT = re.compile(r"Test unit written to (?P<path>.+)")


def fuzz(name: str) -> None:
    """Runs a driver in this process, by the libFuzzer options in `sys.argv`. Does not return."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["pystack"]):
        driver = importlib.import_module(f"fuzz_{name}")
    custom = {}
    if hasattr(driver, "mutator"):
        # libFuzzer's own mutator takes the place of a stub when the fuzzing begins.
        custom["custom_mutator"] = driver.mutator(lambda data, most: atheris.Mutate(data, most))
    atheris.Setup(sys.argv, driver.one_input, **custom)
    atheris.Fuzz()


def run(name: str, options: list[str]) -> int:
    """Fuzzes in a process of its own, prints its news and the verdict, and returns the exit status."""
    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, f"--driver={name}", f"-artifact_prefix={FOUND}/{name}-", *LIMITS[name]]
    process = subprocess.Popen(
        [*command, *options, str(found), str(CORPUS / name)], stderr=subprocess.PIPE, text=True, errors="replace"
    )
    assert process.stderr is not None
    said: list[str] = []
    status = 0
    try:
        said.extend(process.stderr)
    except KeyboardInterrupt:
        said.extend(process.stderr)  # the fuzzer was told, too, and has last words
        status = 130
    words = "".join(said)
    if process.wait() and "libFuzzer: run interrupted" in words:
        status = 130
    elif process.returncode and not status:
        status = 1
        print("".join(line for line in said if not ROUTINE.match(line)), end="")
    *_, last = [None, *PROGRESS.finditer(words)]
    done, artifact = DONE.search(words), ARTIFACT.search(words)
    seen = f", {int(last['cov']):,} edges, {int(last['ft']):,} features, {last['corp']} inputs" if last else ""
    runs = int((done or last or {"runs": 0})["runs"])
    rate = f" in {done['seconds']} s, {runs // max(int(done['seconds']), 1):,} a second" if done else ""
    found_what = f"FOUND {artifact['path'] if artifact else 'something, see above'}"
    verdict = {0: "nothing found", 1: found_what, 130: "interrupted"}[status]
    print(f"{name}: {runs:,} executions{rate}{seen}: {verdict}", flush=True)
    return status


def main(arguments: list[str]) -> int:
    """By the command line."""
    if arguments and arguments[0].startswith("--driver="):
        sys.argv[1:] = arguments[1:]
        fuzz(arguments[0].partition("=")[2])
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: `make fuzz` installs it, where it has wheels for this Python", file=sys.stderr)
        return 2
    drivers = list(DRIVERS)
    if arguments and arguments[0] == "--only":
        drivers = [name for name in DRIVERS if name in arguments[1:2]]
        arguments = arguments[2:]
    if not drivers or not all(re.match(r"-\w+=", argument) for argument in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    if not any(re.match(r"-(max_total_time|runs)=", argument) for argument in arguments):
        arguments = [MINUTE, *arguments]
    statuses = []
    for name in drivers:
        statuses.append(run(name, arguments))
        if statuses[-1] == 130:
            break
    return max(statuses)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
