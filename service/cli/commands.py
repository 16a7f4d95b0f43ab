"""The commands that need no torch: ``serve``, ``classify``, ``models``, ``evaluate``."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import click
import orjson

from booth_client.errors import BoothError
from booth_client.wire import Answer, Prediction
from models.card import Card
from models.errors import ModelError
from models.home import model_home
from models.shelf import ModelNotFound, find_model, shelf
from models.sources import SOURCES, Source
from service.cli import report
from service.engine.classifier import Classifier, Limits, Ticket, cores
from service.fleet.identity import read_card, read_model_file
from service.lab.dataset import BadDataset, read_dataset
from service.lab.evaluation import Evaluation
from service.lab.evaluation import evaluate as run_evaluation
from service.lab.reliability import draw, require_matplotlib
from service.runtimes.base import Layout
from service.runtimes.session import Session
from service.settings import BadSettings, Settings, read_settings

__all__ = ["classifier_for", "classify", "evaluate", "models", "serve"]

DEFAULT_MODEL = Settings.model_fields["models"].default[0]
MODEL_HELP = "a model's name (see `booth models`) or the path of its file"


@contextmanager
def classifier_for(model: str, *, providers: tuple[str, ...] = ()) -> Iterator[Classifier]:
    """A classifier in this process, tuned to get many photographs done.

    Raises:
        click.ClickException: there is no such model, or its file can't be used.

    """
    with ExitStack() as stack:
        decoders = ThreadPoolExecutor(cores(), thread_name_prefix="booth-decode")
        stack.enter_context(decoders)
        try:
            file = read_model_file(find_model(model, model_home()))
            session = Session(file, providers=providers, layout=Layout(threads=cores()))
            stack.enter_context(closing(session))
            classifier = Classifier(session, decoders, Limits(max_batch_size=8))
            stack.enter_context(closing(classifier))
        except (ModelError, ModelNotFound) as error:
            raise click.ClickException(str(error)) from None
        del file  # as large as the model itself
        yield classifier


@click.command()
@click.option("--host", help="address to listen on; overrides BOOTH_HOST")
@click.option("--port", type=int, help="port to listen on; overrides BOOTH_PORT")
@click.option("--models", "wanted", help="models to serve; overrides BOOTH_MODELS")
def serve(host: str | None, port: int | None, wanted: str | None) -> None:
    """Serve models over HTTP, with the page at /. All settings: environment variables BOOTH_*."""
    # Late: the other commands need no web framework.
    from service.run.app import create_state
    from service.run.server import serve as run
    from service.telemetry.logs import configure

    given = {"BOOTH_HOST": host, "BOOTH_PORT": port, "BOOTH_MODELS": wanted}
    flags = {name: str(value) for name, value in given.items() if value is not None}
    try:
        settings = read_settings({**os.environ, **flags})
        state = create_state(settings)
    except (BadSettings, ModelError) as error:
        raise click.ClickException(str(error)) from None
    configure(settings.log)
    click.echo(settings, err=True)
    sys.exit(run(state))


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
    with classifier_for(model) as classifier, _progress(len(files), "Classifying") as bar:
        for name, result in _results(classifier, files, top_k):
            bar.update(1)
            failed += isinstance(result, BoothError)
            _show(name, result, as_json=as_json)
    sys.exit(1 if failed else 0)


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="one line of JSON a model")
def models(name: str | None, as_json: bool) -> None:
    """List the models there are: those ready to serve, and those that `booth pull` brings.

    With NAME (or the path of a file): print that model's card, its labels counted and the bins of
    its calibration left out; with --json, all of it.
    """
    if name:
        _print_card(name, as_json=as_json)
        return
    ready = shelf(model_home())
    if not as_json:
        click.echo(_row("name", "labels", "precision", "top-1", "top-5", "MB", "where"))
    for known, path in ready.items():
        _show_model(known, path, as_json=as_json)
    for source in SOURCES.values():
        if source.name not in ready:
            _show_source(source, as_json=as_json)


@click.command()
@click.argument("dataset", type=click.Path(exists=True, path_type=Path))
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help=MODEL_HELP)
@click.option("--by", metavar="COLUMN", help="accuracies for each value of this column of the CSV")
@click.option("--reliability", is_flag=True, help="how often labels are right, by confidence")
@click.option(
    "--reliability-plot",
    "plot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.png",
    help="draw that as a diagram (needs matplotlib: the extra train)",
)
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def evaluate(
    dataset: Path,
    model: str,
    by: str | None,
    plot: Path | None,
    *,
    reliability: bool,
    as_json: bool,
) -> None:
    """Measure a model on DATASET: top-1, top-5, calibration error, seconds.

    DATASET is a folder with a folder of photographs per category; or a CSV with a column `file` and
    one of `index`, `category`, `synset`, `places365`, `label`, the photographs in a tar or a folder
    of the CSV's name, or beside it. Of a model of scenes, it is also measured how often it is right
    about indoors and outdoors, on the photographs all of whose right labels are one or the other.
    """
    if plot:
        require_matplotlib()  # before minutes of work
    result = _evaluated(dataset, model, by)
    if as_json:
        click.echo(report.evaluation_json(result))
    else:
        click.echo(report.evaluation_text(result, by=by, reliability=reliability))
    if plot:
        draw(result.bins, plot)


def _evaluated(dataset: Path, model: str, by: str | None) -> Evaluation:
    with classifier_for(model) as classifier:
        try:
            count, labelled = read_dataset(dataset, classifier.card.labels, by=by)
            with _progress(count, "Evaluating") as bar:
                return run_evaluation(classifier, labelled, bar.update)
        except BadDataset as error:
            raise click.ClickException(str(error)) from None


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


@contextmanager
def _progress(length: int, label: str) -> Iterator[click._termui_impl.ProgressBar[int]]:
    """A bar on standard error, where a person sees it."""
    hidden = not sys.stderr.isatty() or length == 1
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden) as bar:
        yield bar


def _print_card(name: str, *, as_json: bool) -> None:
    try:
        card = read_card(find_model(name, model_home()))
    except (ModelError, ModelNotFound) as error:
        raise click.ClickException(str(error)) from None
    click.echo(card.to_json() if as_json else report.card_json(card))


def _show_model(name: str, path: Path, *, as_json: bool) -> None:
    try:
        card = read_card(path)
    except ModelError as error:
        click.echo(f"{name}: {error}", err=True)
        return
    size_mb = path.stat().st_size / 1e6
    if as_json:
        line = {"name": name, "title": card.title, "ready": True, "path": str(path)}
        click.echo(orjson.dumps(line).decode())
        return
    top1, top5 = _accuracy(card)
    click.echo(
        _row(name, str(len(card.labels)), card.precision, top1, top5, f"{size_mb:.1f}", str(path))
    )


def _show_source(source: Source, *, as_json: bool) -> None:
    if as_json:
        line = {"name": source.name, "title": source.title, "ready": False}
        click.echo(orjson.dumps(line).decode())
        return
    known = source.published
    accuracy = _percent(known.top1 if known else None), _percent(known.top5 if known else None)
    where = f"booth pull {source.name}"
    click.echo(_row(source.name, source.label_set, "-", *accuracy, "-", where))


def _accuracy(card: Card) -> tuple[str, str]:
    known = card.published or next(iter(card.measured), None)
    return _percent(known.top1 if known else None), _percent(known.top5 if known else None)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _row(*cells: str) -> str:
    widths = (24, 10, 10, 7, 7, 6, 0)
    return "".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
