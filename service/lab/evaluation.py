"""How good a model is, on labelled photographs: accuracy, calibration, results by group."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from booth_client.errors import BadRequest
from booth_client.wire import Answer
from models.card import Bin, Label
from service.engine.classifier import Classifier
from service.engine.ticket import Ticket
from service.lab.dataset import BadDataset, Labelled
from service.lab.folders import printable, sendable

__all__ = [
    "BINS",
    "Evaluation",
    "Group",
    "calibration_error",
    "evaluate",
    "reliability",
]

BINS = 15
AHEAD = 64
TOP = 5


@dataclass(frozen=True, slots=True)
class Group:
    """Accuracies on some of the photographs, as shares of 1."""

    photographs: int
    top1: float
    top5: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Accuracies and the calibration error are shares of 1; ``seconds`` is wall time.

    ``environment`` is the share of scenes that are rightly called indoors or outdoors, among the
    ``environment_photographs`` all of whose right labels are of one kind; None if there are none.
    ``groups`` stand in the order of their first photograph. ``faults`` says of each photograph that
    was left out why.
    """

    top1: float
    top5: float
    calibration_error: float
    photographs: int
    unreadable: int
    seconds: float
    bins: tuple[Bin, ...]
    environment: float | None = None
    environment_photographs: int = 0
    groups: dict[str, Group] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How one photograph fared; ``environment`` is None where right and wrong can't be told."""

    group: str | None
    rank: int
    confidence: float
    environment: bool | None


def evaluate(
    classifier: Classifier,
    dataset: Iterable[Labelled],
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Classify every photograph and compare with its label. Unreadable ones are left out, and told.

    Raises:
        BadDataset: there was no readable photograph.

    """
    start = time.perf_counter()
    outcomes: list[_Outcome] = []
    faults: dict[str, str] = {}
    for labelled, answer in _answers(classifier, dataset):
        if progress:
            progress(1)
        if isinstance(answer, str):
            faults[sendable(labelled.name)] = answer
        else:
            outcomes.append(_outcome(labelled, answer, classifier.card.labels))
    if not outcomes:
        raise BadDataset(_nothing(faults))
    return _summed_up(outcomes, faults, time.perf_counter() - start)


def reliability(confidences: NDArray[np.floating], right: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """The 15 equal bins of a reliability diagram, over N first labels' confidences.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.

    Args:
        confidences: N shares of 1.
        right: N flags, whether the label is right.

    """
    places = np.minimum((confidences * BINS).astype(int), BINS - 1)
    return tuple(_bin(confidences[places == b], right[places == b]) for b in range(BINS))


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error, a share of 1 (Guo et al. 2017).

    The mean over the photographs of |share right - mean confidence| in the bin of their confidence.
    """
    gaps = [
        abs(one.right - one.confidence) * one.photographs
        for one in bins
        if one.right is not None and one.confidence is not None
    ]
    return sum(gaps) / sum(one.photographs for one in bins)


def _bin(confidences: NDArray[np.floating], right: NDArray[np.bool_]) -> Bin:
    if not len(confidences):
        return Bin(photographs=0)
    return Bin(
        photographs=len(confidences),
        # Six digits, as in an answer: a card holds thirty of these.
        confidence=round(float(confidences.mean()), 6),
        right=round(float(right.mean()), 6),
    )


def _outcome(labelled: Labelled, answer: Answer, labels: Sequence[Label]) -> _Outcome:
    return _Outcome(
        labelled.group,
        _rank(answer, labelled.targets),
        answer.predictions[0].confidence,
        _environment_is_right(answer, {labels[i].kind for i in labelled.targets}),
    )


def _rank(answer: Answer, targets: frozenset[int]) -> int:
    """Place of the first right label among the predictions, from 0; TOP if it isn't there."""
    places = (i for i, one in enumerate(answer.predictions) if one.index in targets)
    return next(places, TOP)


def _environment_is_right(answer: Answer, kinds: set[str | None]) -> bool | None:
    if answer.environment is None or len(kinds) != 1:
        return None
    return answer.environment.kind in kinds


def _nothing(faults: dict[str, str]) -> str:
    first = next((f" {printable(name)}: {fault}" for name, fault in faults.items()), "")
    return f"There was no readable photograph; give a folder or a CSV of labelled ones.{first}"


def _summed_up(outcomes: Sequence[_Outcome], faults: dict[str, str], seconds: float) -> Evaluation:
    confidences = np.array([one.confidence for one in outcomes])
    bins = reliability(confidences, np.array([one.rank == 0 for one in outcomes]))
    environments = [one.environment for one in outcomes if one.environment is not None]
    everything = _group(outcomes)
    return Evaluation(
        top1=everything.top1,
        top5=everything.top5,
        calibration_error=calibration_error(bins),
        photographs=len(outcomes),
        unreadable=len(faults),
        seconds=seconds,
        bins=bins,
        environment=sum(environments) / len(environments) if environments else None,
        environment_photographs=len(environments),
        groups=_groups(outcomes),
        faults=faults,
    )


def _group(outcomes: Sequence[_Outcome]) -> Group:
    ranks = np.array([one.rank for one in outcomes])
    return Group(len(ranks), top1=float((ranks == 0).mean()), top5=float((ranks < TOP).mean()))


def _groups(outcomes: Sequence[_Outcome]) -> dict[str, Group]:
    members: dict[str, list[_Outcome]] = {}
    for one in outcomes:
        if one.group is not None:
            members.setdefault(one.group, []).append(one)
    return {name: _group(some) for name, some in members.items()}


def _answers(
    classifier: Classifier, dataset: Iterable[Labelled]
) -> Iterator[tuple[Labelled, Answer | str]]:
    """Each photograph with its answer, or why there is none, in order.

    Some are always on their way, to fill batches.
    """
    ahead: deque[tuple[Labelled, Ticket | str]] = deque()
    room = min(AHEAD, classifier.limits.queue_size)
    for labelled in dataset:
        if len(ahead) == room:
            yield _answer(*ahead.popleft())
        ahead.append((labelled, labelled.fault or _asked(classifier, labelled.photo)))
    while ahead:
        yield _answer(*ahead.popleft())


def _asked(classifier: Classifier, photo: bytes) -> Ticket | str:
    try:
        (ticket,) = classifier.submit([photo], top_k=TOP, timeout_s=3600)
    except BadRequest as error:
        return error.detail
    return ticket


def _answer(labelled: Labelled, pending: Ticket | str) -> tuple[Labelled, Answer | str]:
    if isinstance(pending, str):
        return labelled, pending
    try:
        return labelled, pending.wait()
    except BadRequest as error:
        return labelled, error.detail
