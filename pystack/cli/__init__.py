"""The command line: one module per command."""

import sys
from typing import Annotated, Any, Final

_NUMBERS: Final = {
    "valid integer": "a whole number",
    "valid number": "a number",
    "valid float": "a number",
}
"""What the parser says of an option that is no number (its versions differ), and what we say."""


def main() -> None:
    """The console script `pystack`."""
    try:
        _main()
    except KeyboardInterrupt:
        sys.exit(130)  # in the moment before the command listens to signals


def _show_version(wanted: bool) -> None:
    """Print the version and exit."""
    if wanted:
        import pystack  # noqa: PLC0415

        print(f"pystack {pystack.__version__}")
        sys.exit()


def _main() -> None:
    import typer  # noqa: PLC0415 (kept out of what a library user imports)

    from pystack.cli.demo import demo  # noqa: PLC0415
    from pystack.cli.doctor import doctor  # noqa: PLC0415
    from pystack.cli.drill import drill  # noqa: PLC0415
    from pystack.cli.exits import USAGE, end  # noqa: PLC0415
    from pystack.cli.helping import NAMES, Command, Group, markup  # noqa: PLC0415
    from pystack.cli.nc import nc  # noqa: PLC0415
    from pystack.cli.ping import ping  # noqa: PLC0415
    from pystack.cli.serve import serve  # noqa: PLC0415
    from pystack.cli.stat import stat  # noqa: PLC0415

    app = typer.Typer(
        help="A TCP/IP stack that lives inside a Python process.",
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=markup(),
        cls=Group,
        context_settings=NAMES,
    )

    @app.callback()
    def about(
        version: Annotated[
            bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
        ] = False,
    ) -> None:
        pass

    for work in (serve, demo, stat, nc, ping, drill, doctor):
        app.command(cls=Command)(work)
    # What BadParameter derives from, wherever this version of typer has it from: wrong words on the command line.
    usage_error: Any = typer.BadParameter.__bases__[0]
    try:
        sys.exit(app(standalone_mode=False))
    except usage_error as error:
        if len(sys.argv) == 1:
            error.show()  # the help, for who gives no command
            sys.exit(USAGE)
        command = error.ctx.command_path if error.ctx else "pystack"
        end(USAGE, f"{_sentence(error)} (see `{command} --help`)")


def _sentence(error: Any) -> str:
    """What a usage error says, in the manner of our own: without a full stop, and the option before what it wants."""
    names = getattr(getattr(error, "param", None), "opts", ())
    wanted = next((ours for theirs, ours in _NUMBERS.items() if theirs in (error.message or "")), None)
    if names and wanted:
        return f"{max(names, key=len)} wants {wanted}"
    return " ".join(error.format_message().split()).removesuffix(".")
