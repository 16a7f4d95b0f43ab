"""What the commands that need no server share: a classifier in this process, a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager

import click

from models.shelf import find_model
from service.engine.classifier import Classifier, Limits
from service.fleet.identity import read_model_file
from service.machine import cores
from service.runtimes.base import Layout
from service.runtimes.session import Session
from service.settings import Settings, read_settings

__all__ = ["DEFAULT_MODEL", "MODEL_HELP", "local_classifier", "progress"]

DEFAULT_MODEL = Settings.model_fields["models"].default[0]
MODEL_HELP = "a model's name (see `booth models`) or the path of its file"


@contextmanager
def local_classifier(model: str, *, providers: tuple[str, ...] = ()) -> Iterator[Classifier]:
    """A classifier in this process, tuned to get many photographs done.

    Raises:
        UserError: there is no such model, or its file can't be used.

    """
    with ExitStack() as stack:
        decoders = ThreadPoolExecutor(cores(), thread_name_prefix="booth-decode")
        stack.enter_context(decoders)
        file = read_model_file(find_model(model, read_settings().model_dir))
        session = Session(file, providers=providers, layout=Layout(threads=cores()))
        stack.enter_context(closing(session))
        classifier = Classifier(session, decoders, Limits(max_batch_size=8))
        stack.enter_context(closing(classifier))
        del file  # as large as the model itself
        yield classifier


@contextmanager
def progress(length: int, label: str) -> Iterator[click._termui_impl.ProgressBar[int]]:
    """A bar on standard error, where a person sees it."""
    hidden = not sys.stderr.isatty() or length == 1
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden) as bar:
        yield bar
