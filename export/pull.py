"""``booth pull`` and ``booth verify``: from a publisher's weights to a proven model file."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from itertools import accumulate, repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from export.commands import echo_summary, require_torch
from export.download import DownloadError
from export.fetch import fetch_attributes, fetch_weights, sha256_of
from export.verdict import Comparison
from models.home import model_home
from models.labels import label_set
from models.sources import SOURCES, Source
from service.cli.local import local_classifier
from service.lab.dataset import BadDataset, Labelled, read_dataset
from service.lab.evaluation import Evaluation, evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from export.pipeline import Precision
    from models.card import Card

__all__ = ["pull", "verify"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)

_SHARED_OPTIONS = [
    click.option("--weights", type=_FILE, help="take the weights from this file; no network"),
    click.option("--attributes", type=_FILE, help="with --weights: the SUN attribute matrix"),
    click.option("--sha256", help="expected hash of the weights, or its first digits"),
    click.option(
        "--mirror",
        envvar="BOOTH_WEIGHTS_URL",
        show_envvar=True,
        help="address of a folder to take the files from, by the same names",
    ),
]


def _shared_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_SHARED_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class _Order:
    """Which weights, and where to take them from."""

    source: Source
    weights: Path | None
    attributes: Path | None
    sha256: str | None
    mirror: str | None

    @classmethod
    def of(cls, name: str, **options: Any) -> _Order:
        if name in SOURCES:
            return cls(SOURCES[name], **options)
        close = get_close_matches(name, SOURCES, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(SOURCES)}."
        raise click.ClickException(f"Booth knows no published model {name!r}; {hint}")

    def files(self) -> tuple[Path, Path | None]:
        """The weights, and the attribute matrix if there is one, fetched where necessary."""
        if self.weights:
            self._check(self.weights)
            return self.weights, self.attributes
        folder = model_home() / "weights"
        with _bar(f"Fetching {self.source.filename}") as progress:
            path = fetch_weights(
                self.source, folder, mirror=self.mirror, sha256=self.sha256, progress=progress
            )
        return path, fetch_attributes(self.source, folder, mirror=self.mirror)

    def _check(self, file: Path) -> None:
        expected, found = (self.sha256 or self.source.sha256 or "").lower(), sha256_of(file)
        if not found.startswith(expected):
            raise click.ClickException(
                f"{file} has SHA-256 {found}, where {expected} was expected; give the right file, "
                "or its own hash with --sha256."
            )


@click.command()
@click.argument("name")
@click.option(
    "--precision",
    type=click.Choice(["int8", "fp16", "fp32"]),
    default="int8",
    show_default=True,
    help="int8 suits CPUs, fp16 GPUs",
)
@click.option("--photos", type=_FOLDER, help="photographs to calibrate and prove with")
@click.option("--force", is_flag=True, help="replace the model that is there")
@_shared_options
def pull(
    name: str, precision: Precision, photos: Path | None, *, force: bool, **options: Any
) -> None:
    """Download the published model NAME, export it, prove it.

    The model file lands in BOOTH_MODEL_DIR, where `booth serve` finds it by its name. `booth
    models` lists the names.
    """
    order = _Order.of(name, **options)
    target = model_home() / f"{name}.onnx"
    if target.exists() and not force:
        raise click.ClickException(f"{target} is there already; --force replaces it.")
    card = _make(order, target, precision, photos)
    echo_summary(card, target)


@click.command()
@click.argument("name")
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="labelled photographs, as `booth evaluate` takes them",
)
@click.option(
    "--top1",
    type=click.FloatRange(0, 1),
    help="the accuracy to compare with, as a share of 1, in place of the published one",
)
@_shared_options
def verify(name: str, data: Path, top1: float | None, **options: Any) -> None:
    """Compare the model NAME, pulled, exported and measured here, with its published accuracy.

    Exits with 1 if the two differ by more than three standard deviations of chance, for as many
    photographs as there are, and half a point. The model is made in float32, as published, and is
    not kept; the downloaded weights are.
    """
    order = _Order.of(name, **options)
    published = _published(order.source, top1)
    dataset = _dataset(order.source, data)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        card = _make(order, path, "fp32", None)
        found = _evaluate(path, *dataset)
    comparisons = [
        Comparison(what, share, measured, found.photographs)
        for (what, share), measured in zip(
            published.items(), (found.top1, found.top5), strict=False
        )
    ]
    _report(card, found, comparisons)
    sys.exit(0 if all(comparison.agrees for comparison in comparisons) else 1)


def _published(source: Source, top1: float | None) -> dict[str, float]:
    """The accuracies to compare with, top-1 first."""
    if top1 is not None:
        return {"top-1": top1}
    if source.published is None:
        raise click.ClickException(
            f"The publisher of {source.name} states no accuracy of these weights; say with --top1 "
            "what to compare with."
        )
    known = {"top-1": source.published.top1, "top-5": source.published.top5}
    return {what: share for what, share in known.items() if share is not None}


def _make(order: _Order, target: Path, precision: Precision, photos: Path | None) -> Card:
    """Fetch and export, telling a person what goes on.

    Raises:
        click.ClickException: What went wrong.

    """
    require_torch()
    # Late: torch takes seconds to load.
    from export.photographs import from_folder
    from export.pipeline import Recipe, export_model

    try:
        weights, attributes = order.files()
        return export_model(
            Recipe.of(order.source),
            weights,
            target,
            precision=precision,
            photographs=from_folder(photos, order.source.input) if photos else None,
            attributes=attributes,
            progress=partial(click.echo, err=True),
        )
    except (DownloadError, ValueError) as error:
        raise click.ClickException(str(error)) from None


def _dataset(source: Source, data: Path) -> tuple[int, Iterator[Labelled]]:
    try:
        return read_dataset(data, label_set(source.label_set))
    except BadDataset as error:
        raise click.ClickException(str(error)) from None


def _evaluate(path: Path, count: int, dataset: Iterator[Labelled]) -> Evaluation:
    seen = accumulate(repeat(1))
    with local_classifier(str(path)) as classifier, _bar("Evaluating") as progress:
        try:
            return evaluate(classifier, dataset, lambda _one: progress(next(seen), count))
        except BadDataset as error:
            raise click.ClickException(str(error)) from None


def _report(card: Card, found: Evaluation, comparisons: list[Comparison]) -> None:
    if card.parity:
        click.echo(
            f"{card.title}: largest change of a probability by the export "
            f"{card.parity.largest_difference:.2g}, on {card.parity.photographs} photographs"
        )
    click.echo(f"measured on {found.photographs} photographs in {found.seconds:.1f} s")
    if found.unreadable:
        click.echo(f"left out, unreadable: {found.unreadable}")
    click.echo(f"{'':20}{'published':>10}{'measured':>10}{'tolerance':>10}")
    for one in comparisons:
        click.echo(
            f"{one.what:20}{one.published:>10.1%}{one.measured:>10.1%}{one.tolerance:>10.1%}"
        )
    click.echo(f"{'calibration error':20}{'-':>10}{found.calibration_error:>10.1%}{'-':>10}")
    for one in comparisons:
        click.echo(one.sentence)


@contextmanager
def _bar(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on standard error, where a person sees it."""
    shown = 0
    with click.progressbar(
        length=1, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:

        def show(done: int, total: int | None) -> None:
            nonlocal shown
            bar.length = total or done or 1
            bar.update(done - shown)
            shown = done

        yield show
