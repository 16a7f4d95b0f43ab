"""What the command line prints of an evaluation and of a card: text, and no more than a screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import orjson
from pydantic import TypeAdapter

from models.card import Bin, Card
from service.lab.dataset import few
from service.lab.evaluation import Evaluation, Group

__all__ = ["card_json", "evaluation_json", "evaluation_text"]


def evaluation_text(result: Evaluation, *, by: str | None, reliability: bool) -> str:
    """A line for each figure; then, where asked for, tables by the column ``by`` and by bin."""
    parts = [_figures(result)]
    parts += [_group_table(result, by)] if by else []
    parts += [_reliability_table(result.bins)] if reliability else []
    return "\n\n".join(parts)


def evaluation_json(result: Evaluation) -> str:
    """Everything that was measured, in one line."""
    return TypeAdapter(Evaluation).dump_json(result, exclude_none=True).decode()


def card_json(card: Card) -> str:
    """The card as JSON to read: its labels are counted, the bins of its calibration left out."""
    shown = card.model_dump(
        mode="json",
        exclude={"labels": True, "calibration": {"bins_before", "bins_after"}},
        exclude_none=True,
    )
    bases = Counter(label.basis for label in card.labels if label.basis)
    shown["labels"] = {"count": len(card.labels), **bases}
    return orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode()


def _figures(result: Evaluation) -> str:
    lines = {"photographs": str(result.photographs)}
    if result.unreadable:
        lines["unreadable"] = f"{result.unreadable} (left out): {few(list(result.faults))}"
    lines["top-1"] = f"{result.top1:.2%}"
    lines["top-5"] = f"{result.top5:.2%}"
    lines["calibration error"] = f"{result.calibration_error:.2%}"
    if result.environment is not None:
        lines["indoors/outdoors"] = (
            f"{result.environment:.2%} of the {result.environment_photographs} that are clearly one"
        )
    lines["seconds"] = f"{result.seconds:.1f}"
    return "\n".join(f"{name:<19}{value}" for name, value in lines.items())


def _group_table(result: Evaluation, by: str) -> str:
    everything = Group(result.photographs, result.top1, result.top5)
    rows = [*result.groups.items(), ("all", everything)]
    return _table(
        [by, "photographs", "top-1", "top-5"],
        [
            [name or "(empty)", str(one.photographs), f"{one.top1:.2%}", f"{one.top5:.2%}"]
            for name, one in rows
        ],
    )


def _reliability_table(bins: Sequence[Bin]) -> str:
    width = 100 / len(bins)
    return _table(
        ["confidence", "photographs", "mean confidence", "right"],
        [
            [
                f"{place * width:.0f}-{(place + 1) * width:.0f}%",
                str(one.photographs),
                _percent(one.confidence),
                _percent(one.right),
            ]
            for place, one in enumerate(bins)
        ],
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
        for row in (head, *rows)
    ]
    return "\n".join(lines)
