"""What answers requests: the ASGI application that `--app MODULE:ATTR` stands for, the files of `--root`, or a page."""

import importlib
import os
import sys
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import reduce
from typing import cast

from pystack.cli.exits import Refusal
from pystack.http.asgi import hosted
from pystack.http.drain import Drain
from pystack.http.exchange import Handler
from pystack.http.lifespan import App
from pystack.http.static import StaticFiles
from pystack.http.welcome import welcome


def hosting(
    root: str | None, app: str | None, list_directories: bool, drain: Drain
) -> AbstractAsyncContextManager[Handler]:
    """Enters to the handler of `--app`, `--root` and `--list`; an application has started then, and is shut down at the
    end, of which `drain` tells. Raises `Refusal`, and what the start of an application raises.
    """
    if list_directories and root is None:
        raise Refusal("--list has no directories to show: name one with --root")
    if app is None:
        return nullcontext(_files(root, list_directories))
    if root is not None:
        raise Refusal("--app and --root exclude each other: give one or the other")
    return hosted(load_app(app), drain=drain)


def _files(root: str | None, list_directories: bool) -> Handler:
    if root is None:
        return welcome
    try:
        # An empty name, of a shell variable that is not set, would be the working directory.
        return StaticFiles(root if root else os.devnull, list_directories=list_directories)
    except NotADirectoryError:
        raise Refusal(f"{root or 'an empty name'} is not a directory: name one with --root") from None


def load_app(name: str) -> App:
    """Imports MODULE, with the working directory on the path, and gives its ATTR, which may have dots.

    Raises `Refusal` where the name has another form, leads nowhere, or is not callable, and where the import fails.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise Refusal(f"--app {name} names no application: give MODULE:ATTR, such as main:app")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise Refusal(f"--app {name} cannot be imported: it needs a module {error.name}") from error
        raise Refusal(f"--app {name}: there is no module {error.name} here") from None
    except Exception as error:
        raise Refusal(f"--app {name} cannot be imported: {type(error).__name__}: {error}") from error
    try:
        app: object = reduce(getattr, attribute.split("."), imported)
    except AttributeError:
        raise Refusal(f"--app {name}: the module {module} has no {attribute}") from None
    if not callable(app):
        raise Refusal(f"--app {name} is no application: {attribute} is not callable")
    return cast("App", app)
