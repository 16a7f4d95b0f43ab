"""``booth classify``: labels without a server."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import orjson

from booth_client.errors import BoothError
from booth_client.wire import Answer, Prediction
from models.errors import UserError
from service.cli.options import DEFAULT_MODEL, MODEL_HELP, progress
from service.engine.classifier import Classifier
from service.engine.ticket import Ticket
from service.fleet.local import local_classifier
from service.lab.folders import Folder, Tally, photographs_below, printable, sendable

__all__ = ["NothingToClassify", "classify"]


class NothingToClassify(UserError):
    """The folders hold no photograph."""


@click.command()
@click.argument("photos", nargs=-1, required=True)
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help=MODEL_HELP)
@click.option("--top-k", default=5, show_default=True, type=click.IntRange(1, 1000))
@click.option("--json", "as_json", is_flag=True, help="one line of JSON a photograph")
def classify(photos: tuple[str, ...], model: str, top_k: int, as_json: bool) -> None:
    """Label PHOTOS here, without a server: files, folders, or - for standard input.

    Of a folder, everything is taken that is a photograph by its name or its first bytes, but for
    hidden files and what systems and photo programs leave; what is skipped is counted.

    A label marked "distilled" was learned from another network's answers, not from labelled
    photographs: nothing has measured its confidence.

    Exits with 1 if a photograph could not be read; the others are labelled all the same.
    """
    files = _files(photos)
    failed = 0
    with local_classifier(model) as classifier, progress(len(files), "Classifying") as bar:
        for name, result in _results(classifier, files, top_k):
            bar.update(1)
            failed += isinstance(result, BoothError)
            _show(name, result, as_json=as_json)
    sys.exit(1 if failed else 0)


def _files(photos: Iterable[str]) -> list[str]:
    """The files that are named, and the photographs in the folders.

    Raises:
        NothingToClassify: There are none.

    """
    skipped = Tally()
    files = [file for photo in photos for file in _files_of(photo, skipped)]
    if skipped:
        click.echo(skipped.sentence(), err=True)
    if not files:
        raise NothingToClassify("There is no photograph in there; name files or another folder.")
    return files


def _files_of(photo: str, skipped: Tally) -> list[str]:
    # Path.is_dir raises where a folder above is closed; reading it will say so.
    if photo == "-" or not os.path.isdir(photo):  # noqa: PTH112
        return [photo]
    return list(map(str, photographs_below(Folder(Path(photo)), skipped)))


def _results(
    classifier: Classifier, files: Iterable[str], top_k: int
) -> Iterator[tuple[str, Answer | BoothError]]:
    """Each file's answer or error, in order, a few always on their way."""
    ahead: deque[tuple[str, Ticket | BoothError]] = deque()
    for file in files:
        ahead.append((file, _asked(classifier, file, top_k)))
        if len(ahead) > 32:  # noqa: PLR2004 (a few batches)
            yield _result_of(*ahead.popleft())
    while ahead:
        yield _result_of(*ahead.popleft())


def _asked(classifier: Classifier, file: str, top_k: int) -> Ticket | BoothError:
    try:
        photo = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        (ticket,) = classifier.submit([photo], top_k=top_k, timeout_s=3600)
    except OSError as cause:
        return BoothError(f"The file can't be read: {cause.strerror}.")
    except BoothError as error:
        return error
    return ticket


def _result_of(file: str, pending: Ticket | BoothError) -> tuple[str, Answer | BoothError]:
    if isinstance(pending, BoothError):
        return file, pending
    try:
        return file, pending.wait()
    except BoothError as error:
        return file, error


def _show(name: str, result: Answer | BoothError, *, as_json: bool) -> None:
    if as_json:
        held = {"error": result.detail} if isinstance(result, BoothError) else {"answer": result}
        click.echo(orjson.dumps({"photo": sendable(name), **held}))
    elif isinstance(result, BoothError):
        click.echo(f"{printable(name)}\n  {result.detail}")
    else:
        click.echo(printable(name))
        for one in result.predictions:
            click.echo(f"  {one.confidence:6.1%}  {one.label}{_mark(one)}")


def _mark(prediction: Prediction) -> str:
    return "  (distilled)" if prediction.basis == "distilled" else ""
