"""The command line: one module per command."""


def main() -> None:
    """The console script `pystack`."""
    import typer  # noqa: PLC0415 (kept out of what a library user imports)

    from pystack.cli.demo import demo  # noqa: PLC0415
    from pystack.cli.serve import serve  # noqa: PLC0415

    app = typer.Typer(
        help="A TCP/IP stack that lives inside a Python process.",
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.command()(serve)
    app.command()(demo)
    app()
