"""``booth models``: which models there are, and what is known of one."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from models.card import Card
from models.errors import UserError
from models.shelf import find_model, shelf
from models.sources import SOURCES, Source
from service.cli import report
from service.fleet.identity import read_card
from service.settings import read_settings

__all__ = ["models"]


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
    ready = shelf(read_settings().model_dir)
    if not as_json:
        click.echo(_row("name", "labels", "precision", "top-1", "top-5", "MB", "where"))
    for known, path in ready.items():
        _show_model(known, path, as_json=as_json)
    for source in SOURCES.values():
        if source.name not in ready:
            _show_source(source, as_json=as_json)


def _print_card(name: str, *, as_json: bool) -> None:
    card = read_card(find_model(name, read_settings().model_dir))
    click.echo(card.to_json() if as_json else report.card_json(card))


def _show_model(name: str, path: Path, *, as_json: bool) -> None:
    try:
        card = read_card(path)
    except UserError as error:
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
    click.echo(_row(source.name, source.label_set, "-", *accuracy, "-", source.command))


def _accuracy(card: Card) -> tuple[str, str]:
    """The publisher's, or that on the first data that no part of the model was chosen by."""
    fitted_on = card.calibration.fitted_on if card.calibration else ""
    unseen = [one for one in card.measured if not fitted_on.endswith(f" of {one.dataset}")]
    known = card.published or next(iter([*unseen, *card.measured]), None)
    return _percent(known.top1 if known else None), _percent(known.top5 if known else None)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _row(*cells: str) -> str:
    widths = (24, 10, 10, 7, 7, 6, 0)
    return "".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
