"""Code blocks: the Python in a script, run in one namespace with what the connection's statistics were at its time.

They run at once; the language lets them run after the last event, which comes to the same. Scripts come from others,
so that blocks have what assertions need and no more: no imports, no attributes, no loops, no files.
"""

import ast
from collections.abc import Mapping
from typing import Any, Final

from pystack.drill.errors import Failure, ScriptError, Unsupported
from pystack.drill.script import Position
from pystack.drill.symbols import CODE_SYMBOLS

_FILE: Final = "<code block>"
_CONGESTION: Final = frozenset(("tcpi_snd_cwnd", "tcpi_snd_ssthresh"))
_ALLOWED: Final = (
    ast.Module,
    ast.Assert,
    ast.Assign,
    ast.AugAssign,
    ast.AnnAssign,
    ast.Expr,
    ast.If,
    ast.Pass,
    ast.BoolOp,
    ast.boolop,
    ast.BinOp,
    ast.UnaryOp,
    ast.unaryop,
    ast.Compare,
    ast.cmpop,
    ast.IfExp,
    ast.Call,
    ast.keyword,
    ast.Constant,
    ast.Name,
    ast.expr_context,
    ast.Tuple,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.Subscript,
    ast.Slice,
    ast.JoinedStr,
    ast.FormattedValue,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.FloorDiv,
    ast.Mod,
    ast.BitAnd,
    ast.BitOr,
    ast.BitXor,
    ast.LShift,
    ast.RShift,
)
_BUILTINS: Final = {
    function.__name__: function for function in (abs, all, any, bool, float, int, len, max, min, repr, round, str, sum)
}


class Namespace:
    """What the blocks of one script share. With `ignores_congestion` assertions on cwnd and ssthresh do not count."""

    def __init__(self, *, ignores_congestion: bool = False) -> None:
        self._ignores_congestion = ignores_congestion
        self._names: dict[str, Any] = {"__builtins__": {**_BUILTINS, "print": _say_nothing}, **CODE_SYMBOLS}

    def run(self, text: str, info: Mapping[str, int], at: Position) -> None:
        """Runs a block with the statistics `info`, named without `tcpi_`. Raises `Failure` where an assertion fails,
        `ScriptError` where the block cannot be run, `Unsupported` for Python that no block has.
        """
        tree = _parsed(text, at)
        if self._ignores_congestion:
            tree.body = [statement for statement in tree.body if not _is_about_congestion(statement)]
        self._names |= {f"tcpi_{name}": value for name, value in info.items()}
        try:
            exec(compile(tree, _FILE, "exec"), self._names)
        except AssertionError as error:
            raise Failure(_said(error, text.strip(" \t")), at) from None
        except Exception as error:
            raise ScriptError(f"in a code block: {type(error).__name__}: {error}", at) from None


def _parsed(text: str, at: Position) -> ast.Module:
    try:
        tree = ast.parse(text.strip(" \t"))
        compile(tree, _FILE, "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ScriptError(f"in a code block: {error}", at) from None
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise Unsupported(f"{type(node).__name__} in a code block is not supported", at)
        if isinstance(node, ast.Name) and node.id.startswith("__"):
            raise Unsupported(f"{node.id} in a code block is not supported", at)
    return tree


def _is_about_congestion(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assert) and any(
        isinstance(node, ast.Name) and node.id in _CONGESTION for node in ast.walk(statement.test)
    )


def _said(error: AssertionError, text: str) -> str:
    """The assertion that failed, and its message, which usually is the value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != _FILE:
        trace = trace.tb_next
    lines = text.split("\n")
    line = lines[trace.tb_lineno - 1].strip() if trace is not None and trace.tb_lineno <= len(lines) else "assert"
    return f"{line}: {error.args[0]}" if error.args else line


def _say_nothing(*values: Any, **options: Any) -> None:
    """What blocks print is for who writes them."""
