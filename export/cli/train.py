"""``booth train``: from a folder of labelled photographs to a model file of one's own."""

from __future__ import annotations

import signal
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from export.cli.export import echo_summary, require_torch
from export.fetch.download import DownloadError
from export.labels import BadLabels, read_labels
from models.sources import SOURCES
from service.dataset import BadDataset

if TYPE_CHECKING:
    from export.training.run import Run
    from models.training.plan import Plan
    from models.training.trainer import Training

__all__ = ["train"]

_DATA = click.Path(exists=True, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_TRAINABLE = sorted(name for name, source in SOURCES.items() if source.label_set == "imagenet")


@click.command()
@click.argument("data", type=_DATA)
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--run", "folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--validation", type=_DATA, help="data to judge by  [default: a tenth of DATA]")
@click.option("--test", "tests", type=_DATA, multiple=True, help="data to measure at the end")
@click.option("--labels", help="a label set, or a file of labels  [default: DATA's categories]")
@click.option("--teacher", type=_FILE, help="a model file that knows the same labels")
@click.option("--arch", type=click.Choice(_TRAINABLE), default="efficientnet_lite0")
@click.option("--weights", type=_FILE, help="to start from  [default: --arch's published ones]")
@click.option("--plan", "plan_file", type=_FILE, help="TOML with the fields of a training plan")
@click.option("--epochs", type=float, help="how often each photograph is shown")
@click.option("--minutes", type=float, help="train for so long instead")
@click.option("--size", type=int, help="side of the crops, pixels")
@click.option(
    "--stored",
    type=click.IntRange(min=1),
    help="side at which photographs are kept  [default: --size]",
)
@click.option("--precision", type=click.Choice(["fp32", "fp16", "int8"]), default="int8")
@click.option("--name", help="the model's name in the service  [default: that of --out]")
@click.option("--title", help="its name for people  [default: its name]")
@click.option("--origin", help="who trained it and on what, in words")
@click.option("--licence", default="unknown", help="of the weights: SPDX name, or terms in words")
def train(data: Path, out: Path, **options: Any) -> None:
    """Train a classifier on the photographs in DATA, measure it, and make its model file.

    DATA is a folder with a folder of photographs per category; or a CSV with a column `file` and
    one of `category`, `label`, ..., several right labels separated by `|`, the photographs in a tar
    or a folder of the CSV's name, or beside it. With a --teacher, rows may have no label.

    The run's folder (beside --out unless --run names one) holds log.csv, curves.png, the
    checkpoint and reliability.png. Ctrl-C saves; the same command goes on from there.
    """
    _require_libraries()
    from export.proof.parity import ParityError
    from export.training.run import BadRun, Run
    from models.networks.checkpoint import CheckpointError
    from models.training.teacher import BadTeacher

    try:
        _carry_out(Run(data=data, out=out, **_settings(data, out, **options)))
    except ValidationError as error:
        raise click.ClickException(_fault(error)) from None
    except (BadDataset, BadLabels, BadRun, BadTeacher) as error:
        raise click.ClickException(str(error)) from None
    except (CheckpointError, DownloadError, ParityError) as error:
        raise click.ClickException(str(error)) from None


def _carry_out(run: Run) -> None:
    training = run.prepare()
    if not training.is_over:
        with _signals_stop(training):
            training.run()
    if not training.is_over:
        share = training.state.position.progress
        click.echo(f"Stopped at {share:.0%}; the same command goes on from there.", err=True)
        return
    card = run.finish(training)
    echo_summary(card, run.out)
    for one in card.measured:
        click.echo(
            f"{one.dataset}: {one.photographs} photographs, top-1 {one.top1:.1%}, "
            f"top-5 {one.top5 or 0:.1%}, calibration error {one.calibration_error:.1%}"
        )


@contextmanager
def _signals_stop(training: Training) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the training after the step that is under way."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: training.stop()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _settings(
    data: Path,
    out: Path,
    *,
    folder: Path | None,
    labels: str | None,
    arch: str,
    plan_file: Path | None,
    epochs: float | None,
    minutes: float | None,
    size: int | None,
    stored: int | None,
    name: str | None,
    title: str | None,
    origin: str | None,
    **others: Any,
) -> dict[str, Any]:
    """The fields of `export.training.run.Run`, what is not given filled in."""
    from export.training.dataset import labels_of

    plan = _plan(plan_file, {"epochs": epochs, "minutes": minutes, "size": size})
    return others | {
        "folder": folder or out.with_suffix(".run"),
        "labels": read_labels(labels) if labels else labels_of(data),
        "source": SOURCES[arch],
        "plan": plan,
        "stored": stored or plan.size,
        "name": name or out.stem.lower(),
        "title": title or name or out.stem,
        "origin": origin or f"trained on {data.stem}",
    }


def _plan(path: Path | None, flags: dict[str, float | None]) -> Plan:
    """The plan in a file, or the usual one, with what the flags change.

    Raises:
        click.ClickException: The file is no TOML.
        pydantic.ValidationError: A field can't have its value.

    """
    from models.training.plan import Plan

    try:
        given = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
    except ValueError as cause:
        raise click.ClickException(f"{path} is no plan in TOML: {cause}.") from None
    return Plan.model_validate(given | {n: v for n, v in flags.items() if v is not None})


def _fault(error: ValidationError) -> str:
    """The first fault of a plan or a card, for people."""
    from models.training.plan import Plan

    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"A plan has no {place!r}; it has {', '.join(Plan.model_fields)}."
    reason = first["msg"].removeprefix("Value error, ")
    return f"{place} can't be {str(first['input'])[:80]!r}: {reason}." if place else f"{reason}."


def _require_libraries() -> None:
    require_torch()
    if find_spec("matplotlib") is None:
        raise click.ClickException("This command needs matplotlib: pip install 'booth[train]'.")
