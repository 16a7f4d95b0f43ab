"""What the commands tell a person."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from models.card import Card

__all__ = ["echo_step", "echo_summary", "progress_bar"]


def echo_step(step: str) -> None:
    """Name the step that begins."""
    click.echo(f"{step} ...", err=True)


def echo_summary(card: Card, out: Path) -> None:
    """Print what was made, in a few lines."""
    megabytes = out.stat().st_size / 1e6
    click.echo(f"{out}: {card.title}, {card.precision}, {megabytes:.1f} MB")
    click.echo(
        f"{_large(card.parameters)} parameters, "
        f"{_large(card.multiply_adds)} multiply-adds, {len(card.labels)} labels"
    )
    if card.parity:
        click.echo(
            f"Against {card.parity.reference}, on {card.parity.photographs} photographs: "
            f"the same first label on {card.parity.top1_agreement:.1%}, "
            f"largest change of a probability {card.parity.largest_difference:.2g}."
        )


def _large(count: int) -> str:
    """A count as people say it, to three digits where it is large: ``7.96 million``, ``61,706``."""
    for name, unit in (("billion", 1e9), ("million", 1e6)):
        if count >= unit:
            decimals = max(0, 3 - len(str(int(count / unit))))
            return f"{count / unit:,.{decimals}f} {name}"
    return f"{count:,}"


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on standard error, where a person sees it; call it with what is done, of how much."""
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
