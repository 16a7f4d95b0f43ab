"""``booth evaluate``: how good a model is, on labelled photographs."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli import report
from service.cli.options import DEFAULT_MODEL, MODEL_HELP, progress
from service.fleet.local import local_classifier
from service.lab.dataset import read_dataset
from service.lab.evaluation import Evaluation
from service.lab.evaluation import evaluate as run_evaluation
from service.lab.reliability import draw, require_matplotlib

__all__ = ["evaluate"]


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
    of the CSV's name, or beside it. Where it is split, `test` is measured on, or else `val`. Of a
    model of scenes, it is also measured how often it is right about indoors and outdoors, on the
    photographs all of whose right labels are one or the other.
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
    with local_classifier(model) as classifier:
        found = read_dataset(dataset, classifier.card.labels, by=by)
        if found.told:
            click.echo(found.told, err=True)
        with progress(len(found), "Evaluating") as bar:
            return run_evaluation(classifier, found, bar.update)
