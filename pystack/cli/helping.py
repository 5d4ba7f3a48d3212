"""How `--help` looks: without the names of Python's types, in colour at a terminal and plain elsewhere."""

import sys
from typing import Any, Literal

from typer.core import TyperCommand, TyperGroup

from pystack.cli.terminal import is_terminal

NAMES = {"help_option_names": ["-h", "--help"]}
"""Settings of a context; those of the commands within follow."""


def markup() -> Literal["markdown"] | None:
    """What typer's `rich_markup_mode` is: the frames and colours of rich would be in the way of `grep`."""
    return "markdown" if is_terminal(sys.stdout) else None


class Command(TyperCommand):
    """A command."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))


class Group(TyperGroup):
    """A command of commands."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))


def _without_types(parameters: list[Any]) -> list[Any]:
    """Some versions of typer show `<bool>` behind a flag, and `<str>` behind an argument that has a name."""
    for parameter in parameters:
        if parameter.param_type_name == "argument":
            parameter.display_type_rich = lambda ctx: ""
        elif parameter.is_flag:
            parameter.metavar = ""
    return parameters
