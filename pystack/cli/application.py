"""`--app MODULE:ATTR`: the ASGI application that a name stands for."""

import importlib
import os
import sys
from functools import reduce
from typing import cast

from pystack.cli.exits import Refusal
from pystack.http.lifespan import App


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
