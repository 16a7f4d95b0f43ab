"""``booth serve``: models over HTTP, and the page."""

from __future__ import annotations

import contextlib
import logging
import os
import sys

import click

from service.settings import SECRET, read_settings

__all__ = ["serve"]


@click.command()
@click.option("--host", help="address to listen on; overrides BOOTH_HOST")
@click.option("--port", type=int, help="port to listen on; overrides BOOTH_PORT")
@click.option("--models", "wanted", help="models to serve; overrides BOOTH_MODELS")
def serve(host: str | None, port: int | None, wanted: str | None) -> None:
    """Serve models over HTTP, with the page at /. All settings: environment variables BOOTH_*."""
    # Late: the other commands need no web framework.
    from service.run.app import create_state
    from service.run.server import run
    from service.telemetry.logs import configure, keep_stderr

    given = {"BOOTH_HOST": host, "BOOTH_PORT": port, "BOOTH_MODELS": wanted}
    flags = {name: str(value) for name, value in given.items() if value is not None}
    settings = read_settings({**os.environ, **flags})
    for secret in SECRET:
        os.environ.pop(secret, None)  # plain keys are for no other process either
    state = create_state(settings)
    keep_stderr()
    configure(settings.log, settings.log_level)
    with contextlib.suppress(OSError):  # as for the log: a full disk must not keep it from serving
        click.echo(settings, err=True)
    status = run(state)
    logging.shutdown()
    try:
        sys.stderr.flush()
    except OSError:
        os._exit(status)  # Python's own end would try again, fail, and change the status
    sys.exit(status)
