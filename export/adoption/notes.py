"""What was found out about a network and by whom, in a few lines for people.

What nothing tells stands last, with the options that say otherwise: it is what may be wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from export.adoption.outputs import as_rows
from export.adoption.overflow import may_overflow
from export.adoption.preprocessing import ASSUMED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from export.adoption.facts import Rgb
    from export.adoption.findings import Findings
    from export.adoption.preprocessing import Preprocessing

__all__ = ["notes_on"]

_OPTIONS = {
    "size": "--size",
    "squash": "--squash or --crop, --resize",
    "interpolation": "--interpolation",
    "mean": "--range, or --mean and --std",
    "bgr": "--bgr",
}


def notes_on(findings: Findings, how: str) -> list[str]:
    """The lines.

    Args:
        findings: What was found out.
        how: The model file runs photographs.

    """
    wanted, scores, by = findings.wanted, findings.scores, findings.by
    lines = [
        f"input: {wanted.photo.name!r}, {wanted.photo.shape}; it runs {how}",
        f"square: {_square(wanted)} ({_tellers(by, 'size', 'squash', 'interpolation')})",
        f"pixels: {_pixels(wanted)} ({_tellers(by, 'mean', 'bgr')})",
        f"output: {scores.name!r} taken as {scores.meaning}: {scores.why}",
        f"labels: {scores.labels} ({by['labels']})",
    ]
    return [*lines, *_choices(findings), *_overflow(findings), *_assumptions(findings)]


def _choices(findings: Findings) -> Iterator[str]:
    """What could be chosen otherwise at the output."""
    answers, scores = findings.answers, findings.scores
    others = [n for n in answers if n != scores.name and _is_like(answers[n], answers[scores.name])]
    if others:
        yield (
            f"Note: {', '.join(map(repr, others))} has as many numbers as {scores.name!r}; "
            "--output takes another."
        )
    if scores.count == 1 and findings.facts.labels:
        low, high = (label.name for label in findings.facts.labels)
        yield f"Note: its one number is the confidence in {high!r}; the rest goes to {low!r}."


def _overflow(findings: Findings) -> Iterator[str]:
    if may_overflow(findings.original.model):
        yield (
            "Note: some of its 8-bit weights are too large for the arithmetic of x86 CPUs without "
            "VNNI: there, it will answer otherwise, and often wrongly. Adopt it in floating point, "
            "or quantised with a reduced range (7 bits), for an answer that is the same everywhere."
        )


def _assumptions(findings: Findings) -> Iterator[str]:
    wanted = findings.wanted
    certain = {"size": wanted.photo.size, "mean": wanted.photo.takes_bytes}
    assumed = {
        fact: option
        for fact, option in _OPTIONS.items()
        if findings.by.get(fact) == ASSUMED and not certain.get(fact)
    }
    what = {
        "size": f"a square of {wanted.input.size}",
        "squash": _cut(wanted),
        "interpolation": wanted.input.interpolation,
        "mean": _pixels(wanted),
        "bgr": "red first",
    }
    if assumed:
        yield (
            f"Assumed, for nothing in {findings.original.path.name} tells, and nothing can prove: "
            f"{', '.join(what[fact] for fact in assumed)}. If it was trained otherwise, its "
            f"answers will be wrong: give {', '.join(assumed.values())}."
        )


def _is_like(values: NDArray[np.generic], others: NDArray[np.generic]) -> bool:
    rows = as_rows(values, len(values))  # type: ignore[arg-type]
    wanted = as_rows(others, len(others))  # type: ignore[arg-type]
    return rows is not None and wanted is not None and rows.shape == wanted.shape


def _tellers(by: Mapping[str, str], *facts: str) -> str:
    return "; ".join(dict.fromkeys(by[fact] for fact in facts if fact in by))


def _square(wanted: Preprocessing) -> str:
    side = wanted.input.size
    return f"{side} x {side}, {_cut(wanted)}, {wanted.input.interpolation}"


def _cut(wanted: Preprocessing) -> str:
    side, resize = wanted.input.size, wanted.input.resize
    if not wanted.input.keep_aspect:
        both = "both sides squashed"
        return both if resize == side else f"{both} to {resize}, centre crop"
    return f"shorter side to {resize}, centre crop"


def _pixels(wanted: Preprocessing) -> str:
    order = "grey" if wanted.photo.channels == 1 else "BGR" if wanted.bgr else "RGB"
    ends = {(0.0, 1.0): "0..255", (0.0, 255.0): "0..1", (127.5, 127.5): "-1..1"}
    for (mean, std), name in ends.items():
        if set(wanted.mean) == {mean} and set(wanted.std) == {std}:
            return f"{order} of {name}"
    return (
        f"{order}, (pixel - mean) / std of 0..255 with {_three(wanted.mean)} / {_three(wanted.std)}"
    )


def _three(values: Rgb) -> str:
    return ", ".join(f"{value:.5g}" for value in values)
