"""Teach a model file what it knows: ``python -m export.cli.familiarity``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import numpy as np
import onnx
import onnxruntime

from export.confidences import halves
from export.graph.familiarity import add_familiarity
from export.graph.file import write_model
from models.card import ANSWER, Familiarity, Input, Share
from service.fleet.identity import read_card
from service.lab.dataset import read_dataset
from service.lab.folders import sendable
from service.photo.decode import decode

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto

    from models.card import Card

__all__ = ["teach"]

_FOLDER = click.Path(exists=True, path_type=Path)
# Chosen on the models that ship with Booth: models/training/NOTES.md.
_SHARES = (0.97, 0.95)
_SHARE = click.FloatRange(0.5, 1, max_open=True)
_BATCH = 32


class _Group(NamedTuple):
    """Photographs of one kind, as files."""

    name: str
    files: list[bytes]


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("known", type=_FOLDER, nargs=-1, required=True)
@click.option("--unknown", type=_FOLDER, required=True, help="a folder of pictures for each kind")
@click.option(
    "--shares",
    type=(_SHARE, _SHARE),
    default=_SHARES,
    show_default=True,
    help="what is to be known of KNOWN, and how many of their features are below the limit",
)
@click.option("--out", type=click.Path(path_type=Path), help="[default: FILE]")
def teach(
    file: Path,
    known: tuple[Path, ...],
    unknown: Path,
    shares: tuple[float, float],
    out: Path | None,
) -> None:
    """Find from which familiarity on a photograph is one that the model in FILE can know.

    KNOWN are data sets as `booth evaluate` takes them. One half of each finds the limit of the
    features and the threshold, which keeps so many of each; the other half measures it. So do
    the pictures in UNKNOWN, of which the model should know none: nothing is fitted on them.
    """
    card, model = read_card(file), onnx.load(file)
    to_keep, below = shares
    fits, checks = zip(*(_halves(_labelled(one, card)) for one in known), strict=True)
    features = [_run(model, card.input, one, "features") for one in fits]
    limit = float(np.quantile(np.concatenate(features), below))
    if limit <= 0:
        raise click.ClickException(
            f"{below:.0%} of the features are 0, so nothing would be below the limit; "
            "name a larger second share."
        )
    add_familiarity(model, limit)
    found = [_familiarity(model, card.input, one) for one in fits]
    threshold = round(min(float(np.quantile(one, 1 - to_keep)) for one in found), 4)
    kept = [_measured(model, card.input, one, threshold) for one in checks]
    kinds = [_measured(model, card.input, one, threshold) for one in _kinds(unknown)]
    flagged = [one.model_copy(update={"share": 1 - one.share}) for one in kinds]
    familiarity = Familiarity(
        threshold=threshold, limit=limit, known=tuple(kept), unknown=tuple(flagged)
    )
    write_model(model, card.model_copy(update={"familiarity": familiarity}), out or file)
    _echo(familiarity)


def _labelled(data: Path, card: Card) -> _Group:
    dataset = read_dataset(data, card.labels)
    return _Group(sendable(data.stem), [one.photo for one in dataset])


def _kinds(folder: Path) -> Iterator[_Group]:
    for kind in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = [path.read_bytes() for path in sorted(kind.iterdir()) if path.is_file()]
        yield _Group(sendable(kind.name), files)


def _halves(group: _Group) -> tuple[_Group, _Group]:
    first, second = ([group.files[i] for i in half] for half in halves(len(group.files)))
    return _Group(f"one half of {group.name}", first), _Group(
        f"the other half of {group.name}", second
    )


def _measured(model: ModelProto, wanted: Input, group: _Group, threshold: float) -> Share:
    found = _familiarity(model, wanted, group)
    share = float((found >= threshold).mean())
    return Share(of=group.name, photographs=len(found), share=share)


def _familiarity(model: ModelProto, wanted: Input, group: _Group) -> NDArray[np.float32]:
    return np.asarray(_run(model, wanted, group, ANSWER)[:, -1])


def _run(model: ModelProto, wanted: Input, group: _Group, output: str) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    rows = []
    for start in range(0, len(group.files), _BATCH):
        files = group.files[start : start + _BATCH]
        squares = np.stack([decode(file, wanted).pixels for file in files])
        rows.append(session.run([output], {"photo": squares})[0])
    return np.concatenate(rows)


def _echo(familiarity: Familiarity) -> None:
    click.echo(f"threshold {familiarity.threshold:.3f}, limit {familiarity.limit:.3f}")
    for one in familiarity.known:
        click.echo(f"known: {one.share:.1%} of {one.photographs} of {one.of}")
    for one in familiarity.unknown:
        click.echo(f"unknown: {one.share:.1%} of {one.photographs} {one.of}")
    if familiarity.unknown:
        click.echo(f"unknown, mean: {np.mean([one.share for one in familiarity.unknown]):.1%}")


if __name__ == "__main__":
    teach()
