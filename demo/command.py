"""The command line of the page as a process of its own, for a service that runs elsewhere."""

from __future__ import annotations

import logging
import re
from ipaddress import ip_network

import click
import uvicorn

from booth_client import DEFAULT_URL
from demo.app import create_app
from demo.forward import Forward
from demo.visits import AccessLog, Protocol, RootPath

__all__ = ["main"]

PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~@+-]+)+")
CONNECTIONS = 500  # at the same time; more are answered 503


@click.command()
@click.option("--url", envvar="BOOTH_URL", default=DEFAULT_URL, show_default=True)
@click.option("--api-key", envvar="BOOTH_API_KEY", help="The service's key, if it wants one.")
@click.option("--links", help="The service's address for the browser, if not that of --url.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=7860, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--root-path",
    envvar="BOOTH_ROOT_PATH",
    default="",
    callback=lambda _context, _option, value: _prefix(value),
    help="Prefix of all paths, such as /booth, under which a proxy offers the page.",
)
@click.option(
    "--trusted-proxies",
    envvar="BOOTH_TRUSTED_PROXIES",
    default="",
    callback=lambda _context, _option, value: _networks(value),
    help="Proxies whose X-Forwarded-For is believed: addresses, networks, separated by commas.",
)
@click.option(
    "--rate-limit-per-minute",
    envvar="BOOTH_RATE_LIMIT_PER_MINUTE",
    default=0,
    type=click.IntRange(0),
    help="Photographs a minute from one client; 0 for no limit.",
)
def main(  # noqa: PLR0917 (click calls it by name)
    url: str,
    api_key: str | None,
    links: str | None,
    host: str,
    port: int,
    root_path: str,
    trusted_proxies: list[str],
    rate_limit_per_minute: int,
) -> None:
    """Serve the page; it asks the Booth at --url."""
    links = url if links is None else links
    try:
        forward = Forward(url, api_key)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    app = create_app(forward, links=links, rate_limit_per_minute=rate_limit_per_minute)
    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("booth.access").setLevel(logging.INFO)
    uvicorn.run(
        AccessLog(RootPath(app, root_path) if root_path else app),
        host=host,
        port=port,
        log_level="warning",
        http=Protocol,
        ws="none",
        server_header=False,
        access_log=False,
        limit_concurrency=CONNECTIONS,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
    )


def _networks(text: str) -> list[str]:
    try:
        return [str(ip_network(one.strip())) for one in text.split(",") if one.strip()]
    except ValueError as error:
        raise click.BadParameter(f"{error}; write it as 192.0.2.1 or 192.0.2.0/24") from None


def _prefix(text: str) -> str:
    path = text.rstrip("/")
    if path and not PREFIX.fullmatch(path):
        raise click.BadParameter("it must be a path of letters, digits and -._~@+, such as /booth")
    return path
