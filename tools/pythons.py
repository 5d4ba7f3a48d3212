"""Whether pystack is the same on every Python: `make test-all-pythons`.

    PYTHONS="python3.12 /opt/python3.13/bin/python" python tools/pythons.py [PYTEST-OPTION…]

Looks for each supported Python (or takes those of PYTHONS), makes a virtual environment of each beside the project
(.venv-3.12), and has it run seeded simulations under three hash seeds, whose digests must be those in the repository,
and then the tests of the sans-IO core. Says which were not found.

Exit status: 0 all is the same on all that were found, 1 it is not, 2 none was found or could be set up.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUPPORTED = ("3.11", "3.12", "3.13")
HASH_SEEDS = ("0", "1", "random")
GOLDEN = ROOT / "tests" / "sim" / "golden_digests.txt"
CORE = ["tests/" + name for name in ("wire", "tcp", "ip", "udp", "stack", "sock", "rfc9293", "sim", "properties")]


def candidates(version: str) -> Iterator[str]:
    """Where a Python of this version may be, the likeliest first."""
    own = os.environ.get("PYTHONS", "").split()
    if own:
        yield from own
        return
    found = shutil.which(f"python{version}")
    if found is not None:
        yield found
    home = Path.home()
    for pattern in (
        f".pyenv/versions/{version}.*/bin/python",
        f".local/share/uv/python/cpython-{version}.*/bin/python",
    ):
        yield from map(str, sorted(home.glob(pattern), reverse=True))


def version_of(python: str) -> str:
    """`3.12`; empty for what is no Python."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def find() -> dict[str, str]:
    """The Pythons of this machine, by version."""
    found: dict[str, str] = {}
    for version in SUPPORTED:
        for python in candidates(version):
            if version_of(python) == version:
                found.setdefault(version, python)
    return found


def environment(version: str, python: str) -> Path:
    """The interpreter of the virtual environment, made where there is none yet, or the project's needs have changed.
    Raises `CalledProcessError`.
    """
    folder = ROOT / f".venv-{version}"
    inside, ready = folder / "bin" / "python", folder / ".ready"
    if not inside.exists():
        subprocess.run([python, "-m", "venv", folder], check=True)
    if not ready.exists() or ready.stat().st_mtime < (ROOT / "pyproject.toml").stat().st_mtime:
        print(f"{version}: installing what the tests need into {folder.name}: a minute the first time", flush=True)
        options = ["-qq", "--disable-pip-version-check", "--editable", f"{ROOT}[test]"]
        subprocess.run([inside, "-m", "pip", "install", *options], check=True)
        ready.touch()
    return inside


def digests(python: Path) -> list[str]:
    """Of the seeded runs, under each hash seed; what it said instead where it failed."""
    found = []
    for seed in HASH_SEEDS:
        command, own = [python, ROOT / "tests" / "sim" / "sim_golden.py"], os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(command, env=own, capture_output=True, text=True)
        found.append(done.stdout if done.returncode == 0 else done.stderr)
    return found


def check(python: Path, options: list[str]) -> list[str]:
    """What is wrong with pystack on this Python."""
    wrong = []
    known = GOLDEN.read_text()
    for seed, found in zip(HASH_SEEDS, digests(python), strict=True):
        if found != known:
            print(found)
            wrong.append(f"other digests with PYTHONHASHSEED={seed}")
    places = [place for place in CORE if (ROOT / place).exists()]
    command = [python, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not kernel and not long", *places, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    counts = re.search(r"^\d+ \w+.* in [\d.]+s.*$", done.stdout, re.MULTILINE)
    print(counts[0] if counts else done.stdout + done.stderr, flush=True)
    if done.returncode:
        wrong.append("tests have failed")
        print(done.stdout if counts else "")
    return wrong


def main() -> int:
    pythons = find()
    for version in SUPPORTED:
        if version not in pythons:
            print(f"{version}: not found; PYTHONS=… names one")
    verdicts: dict[str, str] = {}
    for version, python in pythons.items():
        print(f"{version}: {python}", flush=True)
        try:
            wrong = check(environment(version, python), sys.argv[1:])
        except subprocess.CalledProcessError as error:
            wrong = [f"could not be set up: {error}"]
        verdicts[version] = ", ".join(wrong)
    for version, wrong in verdicts.items():
        print(f"{version}: {wrong or 'the same digests under all hash seeds, and the tests pass'}")
    if not pythons:
        return 2
    return 1 if any(verdicts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
