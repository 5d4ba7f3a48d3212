"""The bundled HTTP server, over any `trio.abc.Stream`."""
