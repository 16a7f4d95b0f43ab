"""``booth verify``: whether a published model, exported here, is right as often as published."""

from __future__ import annotations

import sys
from itertools import accumulate, repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from export.cli.options import DATA, weights_options
from export.cli.output import progress_bar
from export.cli.published import PublishedModel
from export.proof.accuracy import Comparison
from models.errors import UserError
from models.labels import label_set
from models.sources import Source
from service.fleet.local import local_classifier
from service.lab.dataset import Dataset, read_dataset
from service.lab.evaluation import Evaluation, evaluate

if TYPE_CHECKING:
    from models.card import Card

__all__ = ["NothingPublished", "verify"]


class NothingPublished(UserError):
    """The publisher states no accuracy to compare with."""


@click.command()
@click.argument("name")
@click.option(
    "--data", type=DATA, required=True, help="labelled photographs, as `booth evaluate` takes them"
)
@click.option(
    "--top1",
    type=click.FloatRange(0, 1),
    help="the accuracy to compare with, as a share of 1, in place of the published one",
)
@weights_options
def verify(name: str, data: Path, top1: float | None, **options: Any) -> None:
    """Compare the model NAME, pulled, exported and measured here, with its published accuracy.

    Exits with 1 if the two differ by more than three standard deviations of chance, for as many
    photographs as there are, and half a point. The model is made in float32, as published, and is
    not kept; the downloaded weights are.
    """
    model = PublishedModel.named(name, **options)
    published = _published(model.source, top1)
    dataset = read_dataset(data, label_set(model.source.label_set))
    if dataset.told:
        click.echo(dataset.told, err=True)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        card = model.export(path, "fp32")
        found = _evaluate(path, dataset)
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
        raise NothingPublished(
            f"The publisher of {source.name} states no accuracy of these weights; say with --top1 "
            "what to compare with."
        )
    known = {"top-1": source.published.top1, "top-5": source.published.top5}
    return {what: share for what, share in known.items() if share is not None}


def _evaluate(path: Path, dataset: Dataset) -> Evaluation:
    seen = accumulate(repeat(1))
    with local_classifier(str(path)) as classifier, progress_bar("Evaluating") as progress:
        return evaluate(classifier, dataset, lambda _one: progress(next(seen), len(dataset)))


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
