"""The course of a training: a table that grows (``log.csv``) and its curves (``curves.png``)."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

__all__ = ["Entry", "append", "draw", "read"]


@dataclass(frozen=True)
class Entry:
    """One line of the table; what was not measured is None.

    Attributes:
        time: UTC, ISO 8601.
        progress: Share of the way, 0 to 1.
        epoch: Epochs shown so far.
        loss: Mean since the entry before.
        rate: Learning rate.
        side: Of the crops, in pixels.
        speed: Photographs a second.
        top1: Of the averaged network on the validation photographs, as a share of 1.
        top5: Likewise.

    """

    time: str
    progress: float
    epoch: float
    loss: float | None = None
    rate: float | None = None
    side: int | None = None
    speed: float | None = None
    top1: float | None = None
    top5: float | None = None


def append(entry: Entry, path: Path) -> None:
    """Add a line to the table; the first one comes with the header."""
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(field.name for field in fields(Entry))
        writer.writerow("" if value is None else value for value in asdict(entry).values())


def read(path: Path) -> list[Entry]:
    """The table's lines."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_entry(row) for row in csv.DictReader(file)]


def draw(entries: list[Entry], path: Path) -> None:
    """Draw loss and accuracy against epochs as PNG. Needs the extra ``train`` (matplotlib)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    FigureCanvasAgg(figure)
    losses, accuracies = figure.subplots(1, 2)
    seen = [one for one in entries if one.loss is not None]
    losses.plot([one.epoch for one in seen], [one.loss for one in seen], color="#2a6fbb")
    losses.set(title="Loss on the crops trained on", xlabel="epochs", ylabel="cross-entropy, nats")
    measured = [one for one in entries if one.top1 is not None]
    for name, colour in (("top1", "#c2571a"), ("top5", "#4c8a3f")):
        shares = [100 * getattr(one, name) for one in measured]
        label = name.replace("top", "top-")
        accuracies.plot(
            [one.epoch for one in measured], shares, marker="o", color=colour, label=label
        )
    accuracies.set(title="Validation photographs", xlabel="epochs", ylabel="right, %")
    if measured:
        accuracies.legend()
    for axes in (losses, accuracies):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def _entry(row: dict[str, str]) -> Entry:
    def number(name: str) -> float | None:
        return float(row[name]) if row[name] else None

    return Entry(
        time=row["time"],
        progress=float(row["progress"]),
        epoch=float(row["epoch"]),
        loss=number("loss"),
        rate=number("rate"),
        side=int(row["side"]) if row["side"] else None,
        speed=number("speed"),
        top1=number("top1"),
        top5=number("top5"),
    )
