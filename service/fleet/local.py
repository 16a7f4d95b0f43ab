"""A classifier in this very process, for programs that need no server."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager

from models.shelf import find_model
from service.engine.classifier import Classifier, Limits
from service.fleet.identity import read_model_file
from service.machine import cores
from service.runtimes.base import Layout
from service.runtimes.session import Session
from service.settings import read_settings

__all__ = ["local_classifier"]


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
