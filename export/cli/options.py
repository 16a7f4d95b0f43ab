"""Options that several commands have, so that they mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

__all__ = ["DATA", "FILE", "FOLDER", "OUT", "RESIZE", "VERSION", "mirror", "weights_options"]

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
DATA = click.Path(exists=True, path_type=Path)
OUT = click.Path(dir_okay=False, path_type=Path)

VERSION = click.option(
    "--version",
    default="1",
    show_default=True,
    help="of the model, by which several of one name stand side by side in the service",
)

RESIZE = click.option(
    "--resize",
    type=click.IntRange(1),
    help="side before the centre crop  [default: 8/7 of --size; with --squash, --size]",
)

Command = Callable[..., None]


def mirror(command: Command) -> Command:
    """Where published files come from. Nothing else reads ``BOOTH_WEIGHTS_URL``."""
    return click.option(
        "--mirror",
        envvar="BOOTH_WEIGHTS_URL",
        show_envvar=True,
        help="address of a folder to take the files from, by the same names",
    )(command)


def weights_options(command: Command) -> Command:
    """Where the weights of a published model come from; see `export.cli.published`."""
    for option in (
        mirror,
        click.option("--sha256", help="expected hash of the weights, or its first digits"),
        click.option("--attributes", type=FILE, help="with --weights: the SUN attribute matrix"),
        click.option("--weights", type=FILE, help="take the weights from this file; no network"),
    ):
        command = option(command)
    return command
