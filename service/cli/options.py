"""What several commands share: the options that name a model, and a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from service.settings import Settings

__all__ = ["DEFAULT_MODEL", "MODEL_HELP", "progress"]

DEFAULT_MODEL = Settings.model_fields["models"].default[0]
MODEL_HELP = "a model's name (see `booth models`) or the path of its file"


@contextmanager
def progress(length: int, label: str) -> Iterator[click._termui_impl.ProgressBar[int]]:
    """A bar on standard error, where a person sees it."""
    hidden = not sys.stderr.isatty() or length == 1
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden) as bar:
        yield bar
