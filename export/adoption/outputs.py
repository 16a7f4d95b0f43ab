"""What a network puts out: which output has a number for each label, and what that number means.

Decided by running the file on real photographs and by its last operators; where the two do not
agree, a person has to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from export.adoption.original import AdoptionError
from export.adoption.walk import makers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from onnx import NodeProto

    from export.adoption.original import Original

__all__ = ["Meaning", "Scores", "find_scores", "meaning_of"]

Meaning: TypeAlias = Literal["logits", "probabilities", "log probabilities"]
Values: TypeAlias = "NDArray[np.floating]"

_ROUNDING = 0.01  # that float16 may leave in a sum of a thousand probabilities
_PASSING = frozenset(
    {
        "Cast",
        "Flatten",
        "Identity",
        "Reshape",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
        "DequantizeLinear",
    }
    | {"QuantizeLinear", "ZipMap"}
)


@dataclass(frozen=True, slots=True)
class Scores:
    """The output that counts.

    Attributes:
        name: Of the value, which lies before what makes a dictionary of it.
        count: K; 1 where one number tells two labels apart.
        meaning: Of the numbers.
        why: How that is known.

    """

    name: str
    count: int
    meaning: Meaning
    why: str

    @property
    def labels(self) -> int:
        """How many labels it tells apart."""
        return max(2, self.count)

    def probabilities(self, values: Values) -> NDArray[np.float64]:
        """N x K numbers -> N x (number of labels) probabilities, by numpy alone."""
        wide = values.astype(np.float64)
        if self.meaning == "log probabilities":
            return np.exp(wide)
        if self.meaning == "logits" and self.count > 1:
            powers = np.exp(wide - wide.max(1, keepdims=True))
            return np.asarray(powers / powers.sum(1, keepdims=True))
        if self.count > 1:
            return wide
        second = 1 / (1 + np.exp(-wide)) if self.meaning == "logits" else wide
        return np.concatenate([1 - second, second], 1)


def find_scores(
    original: Original,
    found: Mapping[str, Values],
    photos: int,
    labels: int | None,
    *,
    output: str | None = None,
    meaning: Meaning | None = None,
) -> Scores:
    """Find the output with a number for each label.

    Args:
        original: The network.
        found: What it puts out for real photographs, by the names of values.
        photos: How many these were.
        labels: How many labels it is to tell apart, if that is known.
        output: The output to take; None finds it.
        meaning: What its numbers are; None finds out.

    Raises:
        AdoptionError: There is none, or nobody can tell.

    """
    if output is not None and output not in found:
        raise AdoptionError(
            f"{original.path.name} has no output {output!r} of numbers; it has {_names(found)}."
        )
    rows = {name: flat for name in found if (flat := as_rows(found[name], photos)) is not None}
    if output is not None:
        rows = {name: values for name, values in rows.items() if name == output}
    if not rows:
        raise AdoptionError(_no_rows(original, found, photos))
    fitting = [n for n, values in rows.items() if labels in (None, _labels(values))]
    name = (fitting or list(rows))[0]
    count = rows[name].shape[1]
    if count < 2 and labels not in (None, 2):  # noqa: PLR2004 (one number tells two labels apart)
        raise wrong_number(original, 1, labels or 0)
    _check_sense(original, rows[name])
    what, why = _asked(original, rows[name], meaning) or meaning_of(original, rows[name], name)
    return Scores(name, count, what, why)


def wrong_number(original: Original, outputs: int, labels: int) -> AdoptionError:
    """There are other labels than outputs."""
    means = "1 output, which tells 2 labels apart," if outputs == 1 else f"{outputs} outputs"
    return AdoptionError(
        f"{original.path.name} has {means} and {labels} labels were given; they must be as many, "
        "in the order of the outputs."
    )


def as_rows(values: Values, photos: int) -> Values | None:
    """N x K of N x K, N x K x 1 x 1, N x 1 x 1 x K or N; None of anything else."""
    if values.ndim == 0 or values.dtype.kind != "f" or len(values) != photos:
        return None
    sides = [side for side in values.shape[1:] if side != 1]
    return values.reshape(photos, -1) if len(sides) <= 1 else None


def _labels(values: Values) -> int:
    return max(2, int(values.shape[1]))


def _names(found: Mapping[str, Values]) -> str:
    return ", ".join(f"{name!r} ({_form(values)})" for name, values in found.items()) or "none"


def _form(values: Values) -> str:
    return f"{values.dtype} {' x '.join(['N', *map(str, values.shape[1:])])}"


def _no_rows(original: Original, found: Mapping[str, Values], photos: int) -> str:
    if any(v.ndim > 2 and v.dtype.kind == "f" for v in found.values()):  # noqa: PLR2004
        kind = "it detects or segments, or makes features"
    elif found and all(v.dtype.kind in "iuUSO" for v in found.values()):
        kind = "it names labels without saying how sure it is"
    else:
        kind = f"its answers to {photos} photographs are not a row for each"
    return (
        f"{original.path.name} puts out {_names(found)}, and a classifier puts out N x the number "
        f"of labels: {kind}."
    )


def _last(original: Original, name: str) -> str:
    """The kind of the operator that makes a value, past those that only move it."""
    made = makers(original.model.graph)
    node: NodeProto | None = made.get(name)
    while node is not None and node.op_type in _PASSING and node.input:
        node = made.get(node.input[0])
    return node.op_type if node is not None else "none"


def _check_sense(original: Original, values: Values) -> None:
    if not np.isfinite(values).all():
        raise AdoptionError(
            f"{original.path.name} answers real photographs with infinity or no number at all: its "
            "weights are damaged, or its pixels want another scale (--range, --mean, --std)."
        )
    if np.ptp(values, axis=0).max() == 0 and len(values) > 1:
        raise AdoptionError(
            f"{original.path.name} answers all of {len(values)} photographs alike: its weights are "
            "damaged, or its pixels want another scale (--range, --mean, --std)."
        )


def _asked(
    original: Original, values: Values, meaning: Meaning | None
) -> tuple[Meaning, str] | None:
    """What was asked for, where the numbers can be that."""
    if meaning is None:
        return None
    if meaning == "probabilities" and not (_within(values) and _sums_to_one(values)):
        raise AdoptionError(
            f"The numbers of {original.path.name} are no probabilities: they range from "
            f"{values.min():.3g} to {values.max():.3g}, and those of a photograph do not sum to 1."
        )
    return meaning, "as asked for"


def _within(values: Values) -> bool:
    return bool(values.min() >= 0 and values.max() <= 1 + _ROUNDING)


def _sums_to_one(values: Values) -> bool:
    if values.shape[1] == 1:
        return True  # the other label has the rest
    return bool(np.abs(values.sum(1, dtype=np.float64) - 1).max() < _ROUNDING)


def meaning_of(original: Original, values: Values, name: str) -> tuple[Meaning, str]:
    """What the numbers of an output mean.

    Raises:
        AdoptionError: Its numbers and its last operator contradict each other.

    """
    last, within = _last(original, name), _within(values)
    if values.shape[1] == 1:
        return _of_one(original, within, last)
    if within and _sums_to_one(values):
        return "probabilities", f"they sum to 1, and the last operator is {last}"
    if last == "LogSoftmax":
        return "log probabilities", "the last operator is LogSoftmax"
    if last == "Sigmoid":
        raise AdoptionError(
            f"{original.path.name} ends in a Sigmoid for each of {values.shape[1]} labels, so that "
            "several may hold at once; Booth serves labels of which one holds."
        )
    if within or last in ("Softmax", "ArgMax", "TopK", "LpNormalization"):
        raise AdoptionError(
            f"{original.path.name} ends in {last}, and its numbers, from {values.min():.3g} to "
            f"{values.max():.3g}, are no probabilities that sum to 1: say what they are with "
            "--outputs logits or probabilities."
        )
    return "logits", f"they range from {values.min():.3g} to {values.max():.3g}"


def _of_one(original: Original, within: bool, last: str) -> tuple[Meaning, str]:
    if last == "Sigmoid":
        return "probabilities", "one number, whose last operator is Sigmoid"
    if not within:
        return "logits", "one number, beyond 0..1"
    raise AdoptionError(
        f"{original.path.name} puts out one number, within 0..1 for all photographs, and ends in "
        f"{last} instead of a Sigmoid: say what it is with --outputs logits or probabilities."
    )
