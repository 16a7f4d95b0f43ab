"""``booth train``: from a folder of labelled photographs to a model file of one's own."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from export.cli.libraries import require_training
from export.cli.options import DATA, FILE, OUT, VERSION, mirror
from export.cli.output import echo_summary
from models.labels import read_labels
from models.sources import SOURCES
from service.lab.dataset import few, part_of
from service.lab.folders import printable, sendable
from service.lab.layout import split_of

if TYPE_CHECKING:
    from export.training.config import TrainingConfig
    from models.training.trainer import Trainer

__all__ = ["train"]

_TRAINABLE = sorted(name for name, source in SOURCES.items() if source.label_set == "imagenet")


@click.command()
@click.argument("data", type=DATA)
@click.option("--out", required=True, type=OUT)
@click.option("--run", "folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--validation", type=DATA, help="data to judge by  [default: a tenth of DATA]")
@click.option("--test", "tests", type=DATA, multiple=True, help="data to measure at the end")
@click.option("--labels", help="a label set, or a file of labels  [default: DATA's categories]")
@click.option("--teacher", type=FILE, help="a model file that knows the same labels")
@click.option("--arch", type=click.Choice(_TRAINABLE), default="efficientnet_lite0")
@click.option("--weights", type=FILE, help="to start from  [default: --arch's published ones]")
@mirror
@click.option("--plan", "plan_file", type=FILE, help="TOML with the fields of a training plan")
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
@VERSION
@click.option("--title", help="its name for people  [default: its name]")
@click.option("--origin", help="who trained it and on what, in words")
@click.option("--licence", default="unknown", help="of the weights: SPDX name, or terms in words")
def train(data: Path, out: Path, **options: Any) -> None:
    """Train a classifier on the photographs in DATA, measure it, and make its model file.

    DATA is a folder with a folder of photographs per category; or a CSV with a column `file` and
    one of `category`, `label`, ..., several right labels separated by `|`, the photographs in a tar
    or a folder of the CSV's name, or beside it. With a --teacher, rows may have no label. Where
    DATA is split into `train`, `val` and `test`, each is used for what its name says.

    The run's folder (beside --out unless --run names one) holds log.csv, curves.png, the
    checkpoint and reliability.png. Ctrl-C saves; the same command goes on from there.
    """
    require_training()
    # Late: torch takes seconds to load.
    from export.training.run import TrainingRun

    run = TrainingRun.prepare(_config(data, out, **options))
    if not run.trainer.is_over:
        with _signals_stop(run.trainer):
            run.trainer.run()
    if not run.trainer.is_over:
        share = run.trainer.state.position.progress
        click.echo(f"Stopped at {share:.0%}; the same command goes on from there.", err=True)
        return
    card = run.export()
    echo_summary(card, out)
    for one in card.measured:
        click.echo(
            f"{one.dataset}: {one.photographs} photographs, top-1 {one.top1:.1%}, "
            f"top-5 {one.top5 or 0:.1%}, calibration error {one.calibration_error:.1%}"
        )


@contextmanager
def _signals_stop(trainer: Trainer) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the training after the step that is under way."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: trainer.stop()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _config(
    data: Path,
    out: Path,
    *,
    validation: Path | None,
    tests: tuple[Path, ...],
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
) -> TrainingConfig:
    """What is asked, with what is not given filled in."""
    from export.training.config import TrainingConfig
    from export.training.dataset import labels_from_categories
    from models.training.plan import read_plan

    plan = read_plan(plan_file, epochs=epochs, minutes=minutes, size=size)
    origin = origin or f"trained on {sendable(data.stem)}"
    data, validation, tests = _parts(data, validation, tests)
    return TrainingConfig(
        data=data,
        validation=validation,
        tests=tests,
        out=out,
        folder=folder or out.with_suffix(".run"),
        labels=read_labels(labels) if labels else labels_from_categories(data),
        source=SOURCES[arch],
        plan=plan,
        stored_side=stored or plan.size,
        name=name or out.stem.lower(),
        title=title or name or out.stem,
        origin=origin,
        **others,
    )


def _parts(
    data: Path, validation: Path | None, tests: tuple[Path, ...]
) -> tuple[Path, Path | None, tuple[Path, ...]]:
    """What to learn from, to judge by and to measure on: as is asked, or as the data is split."""
    split = split_of(data)
    if split:
        validation = validation or split.parts.get("validation")
        tests = tests or tuple(path for role, path in split.parts.items() if role == "test")
        used = ", ".join(printable(path.name) for path in split.parts.values())
        beside = f"; beside it, passed over: {few(split.beside)}" if split.beside else ""
        click.echo(f"{printable(str(data))} is split: {used} are used as such{beside}.", err=True)
    train, _ = part_of(data, "train")
    judge = validation and part_of(validation, "validation", "test")[0]
    return train, judge, tuple(part_of(test, "test", "validation")[0] for test in tests)
