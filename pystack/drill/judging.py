"""From the text of a script to its verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pystack.drill.dut import Dut
from pystack.drill.errors import Stop
from pystack.drill.parser import parse
from pystack.drill.running import run
from pystack.drill.script import Option
from pystack.drill.settings import STRICT, Relaxed, settings_of
from pystack.drill.verdicts import Verdict, verdict_of


def judge(
    text: str,
    dut: Dut,
    *,
    path: str = "",
    options: Sequence[Option] = (),
    defines: Mapping[str, str] | None = None,
    relaxed: Relaxed = STRICT,
    seed: int = 0,
) -> Verdict:
    """Reads a script and runs it on `dut`. `path` names it in what is said of it; `options` come after those of the
    script, so that they win, as `defines` do. The same `seed` gives the same packets. Never raises.
    """
    try:
        script = parse(text, defines)
        settings = replace(settings_of((*script.options, *options)), relaxed=relaxed)
    except Stop as stop:
        return verdict_of(path, stop)
    return run(script, settings, dut, path, seed)
