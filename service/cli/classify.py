"""``booth classify``: labels without a server."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import orjson

from booth_client.errors import BoothError
from booth_client.wire import Answer, Prediction
from service.cli.options import DEFAULT_MODEL, MODEL_HELP, progress
from service.engine.classifier import Classifier
from service.engine.ticket import Ticket
from service.fleet.local import local_classifier

__all__ = ["classify"]


@click.command()
@click.argument("photos", nargs=-1, required=True)
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help=MODEL_HELP)
@click.option("--top-k", default=5, show_default=True, type=click.IntRange(1, 1000))
@click.option("--json", "as_json", is_flag=True, help="one line of JSON a photograph")
def classify(photos: tuple[str, ...], model: str, top_k: int, as_json: bool) -> None:
    """Label PHOTOS here, without a server: files, folders, or - for standard input.

    A label marked "distilled" was learned from another network's answers, not from labelled
    photographs: nothing has measured its confidence.

    Exits with 1 if a photograph could not be read; the others are labelled all the same.
    """
    files = [file for photo in photos for file in _files(photo)]
    failed = 0
    with local_classifier(model) as classifier, progress(len(files), "Classifying") as bar:
        for name, result in _results(classifier, files, top_k):
            bar.update(1)
            failed += isinstance(result, BoothError)
            _show(name, result, as_json=as_json)
    sys.exit(1 if failed else 0)


def _files(photo: str) -> Iterable[str]:
    path = Path(photo)
    if not path.is_dir():
        return [photo]
    return sorted(str(file) for file in path.rglob("*") if file.is_file())


def _read(file: str) -> bytes | BoothError:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as cause:
        return BoothError(f"The file can't be read: {cause.strerror}.")


def _results(
    classifier: Classifier, files: Iterable[str], top_k: int
) -> Iterator[tuple[str, Answer | BoothError]]:
    """Each file's answer or error, in order, a few always on their way."""
    ahead: deque[tuple[str, Ticket | BoothError]] = deque()
    for file in files:
        photo = _read(file)
        if isinstance(photo, BoothError):
            ahead.append((file, photo))
        else:
            (ticket,) = classifier.submit([photo], top_k=top_k, timeout_s=3600)
            ahead.append((file, ticket))
        if len(ahead) > 32:  # noqa: PLR2004 (a few batches)
            yield _result_of(*ahead.popleft())
    while ahead:
        yield _result_of(*ahead.popleft())


def _result_of(file: str, pending: Ticket | BoothError) -> tuple[str, Answer | BoothError]:
    if isinstance(pending, BoothError):
        return file, pending
    try:
        return file, pending.wait()
    except BoothError as error:
        return file, error


def _show(name: str, result: Answer | BoothError, *, as_json: bool) -> None:
    if isinstance(result, BoothError):
        line = {"photo": name, "error": result.detail}
        click.echo(orjson.dumps(line).decode() if as_json else f"{name}\n  {result.detail}")
    elif as_json:
        click.echo(orjson.dumps({"photo": name, "answer": result}).decode())
    else:
        click.echo(name)
        for one in result.predictions:
            click.echo(f"  {one.confidence:6.1%}  {one.label}{_mark(one)}")


def _mark(prediction: Prediction) -> str:
    return "  (distilled)" if prediction.basis == "distilled" else ""
