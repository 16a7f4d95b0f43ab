"""``python -m demo``: the page as a process of its own, for a service that runs elsewhere."""

from __future__ import annotations

import click
import uvicorn

from booth_client import DEFAULT_URL
from demo.app import create_app


@click.command()
@click.option("--url", envvar="BOOTH_URL", default=DEFAULT_URL, show_default=True)
@click.option("--api-key", envvar="BOOTH_API_KEY", help="The service's key, if it wants one.")
@click.option("--links", help="The service's address for the browser, if not that of --url.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=7860, show_default=True, type=click.IntRange(0, 65535))
def main(url: str, api_key: str | None, links: str | None, host: str, port: int) -> None:
    """Serve the page; it asks the Booth at --url."""
    try:
        app = create_app(url, api_key, links=url if links is None else links)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    uvicorn.run(app, host=host, port=port, log_level="warning")


if __name__ == "__main__":
    main(prog_name="python -m demo")
