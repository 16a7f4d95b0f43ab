"""``booth key``: a new API key, and the digest that the service keeps of it."""

from __future__ import annotations

import secrets

import click

from service.settings import digest_of

__all__ = ["key"]

BYTES = 32


@click.command()
def key() -> None:
    """Make a new API key.

    Prints two lines. The first is the key, for the client: it is kept nowhere. The second is its
    digest, for BOOTH_API_KEYS or the file of BOOTH_API_KEYS_FILE: it opens nothing.
    """
    new = secrets.token_urlsafe(BYTES)
    click.echo(new)
    click.echo(digest_of(new))
