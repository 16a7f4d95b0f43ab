"""What a photograph costs in time, as far as one can tell before it is decoded."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BatchCost", "Cost", "fit", "measure_quickly"]

RunModel = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

# What was foreseen is believed as much as ten ordinary photographs, until some have been decoded.
_FORESEEN_S = 0.02

_MEMORY = 0.98  # of what decoding took: some fifty photographs
_MOST = 4.0  # times what was foreseen: more is taken for an accident, and counts as so much


@dataclass(frozen=True, slots=True)
class BatchCost:
    """Seconds of a run of n photographs: ``base_s + per_photo_s * n``."""

    base_s: float
    per_photo_s: float

    def __call__(self, photographs: int) -> float:
        """Seconds of a run of so many."""
        return self.base_s + self.per_photo_s * photographs


def fit(durations: Mapping[int, Sequence[float]]) -> BatchCost:
    """The line through the durations of runs, in seconds by batch size.

    Least squares over the relative errors of each size's median: a run that was disturbed moves no
    median, and a millisecond's error weighs more in a short run than in a long one. Neither
    coefficient is negative. From one size alone everything is taken to be in proportion to it.
    """
    sizes = np.array(list(durations), float)
    seconds = np.array([statistics.median(repeats) for repeats in durations.values()])
    bases, slopes = 1 / seconds, sizes / seconds
    if len(sizes) > 1:
        rows = np.stack([bases, slopes], axis=1)
        base_s, per_photo_s = np.linalg.lstsq(rows, np.ones_like(sizes))[0]
        if base_s >= 0 and per_photo_s >= 0:
            return BatchCost(float(base_s), float(per_photo_s))
        if per_photo_s < 0:
            return BatchCost(float(bases.sum() / (bases @ bases)), 0.0)
    return BatchCost(0.0, float(slopes.sum() / (slopes @ slopes)))


def measure_quickly(
    run: RunModel, side: int, sizes: Sequence[int], budget_s: float = 0.08
) -> BatchCost:
    """Fit a network that is warm, by a few runs of the smallest and the largest of ``sizes``.

    Past ``budget_s`` no run begins that the runs before it let expect to end later, except the
    first: a network that is slow is measured with few runs, or with one.
    """
    start = time.perf_counter()
    durations: dict[int, list[float]] = {}
    for size in (min(sizes), max(sizes)) * 3:
        left_s = start + budget_s - time.perf_counter()
        if durations and _expected_s(durations, size) > left_s:
            continue
        durations.setdefault(size, []).append(
            _timed(run, np.zeros((size, side, side, 3), np.uint8))
        )
    return fit(durations)


def _expected_s(durations: Mapping[int, Sequence[float]], size: int) -> float:
    return max(min(seconds) * max(1, size / known) for known, seconds in durations.items())


def _timed(run: RunModel, photos: NDArray[np.uint8]) -> float:
    start = time.perf_counter()
    run(photos)
    return time.perf_counter() - start


class Cost:
    """What a model's photographs cost: decoding, by their pixels, and a share of a full run.

    What decoding is foreseen to take by a file's header (see ``service.photo.header``) is corrected
    by what it took of late; the run's time is given.

    Args:
        batch: seconds of a run, while as many go on as there are slots.
        batch_size: photographs of a full run.
        slots: runs that go on at the same time.
        decoders: photographs that are decoded at the same time.

    """

    def __init__(self, batch: BatchCost, *, batch_size: int, slots: int, decoders: int) -> None:
        self.batch = batch
        self._full_run_s = batch(batch_size)
        self._share_s = self._full_run_s / (batch_size * slots)
        self._decoders = decoders
        self._changing = threading.Lock()
        self._foreseen_s = self._seconds = _FORESEEN_S

    def work_s(self, foreseen_s: float) -> float:
        """Seconds by which a photograph keeps the next ones waiting.

        Args:
            foreseen_s: seconds of decoding, by its header; 0 if it is decoded elsewhere.

        """
        return self.decode_s(foreseen_s) / self._decoders + self._share_s

    @property
    def usual_foreseen_s(self) -> float:
        """Seconds of decoding that were foreseen of the last photographs, on average."""
        return self._foreseen_s * (1 - _MEMORY)

    def decode_s(self, foreseen_s: float) -> float:
        """Seconds of decoding what is foreseen to take so long."""
        return foreseen_s * self._seconds / self._foreseen_s

    def latency_s(self, foreseen_s: float) -> float:
        """Seconds from its turn to its answer, in company."""
        return self.decode_s(foreseen_s) + self._full_run_s

    def decoded(self, foreseen_s: float, seconds: float) -> None:
        """Learn that decoding took so long."""
        with self._changing:
            seconds = min(seconds, _MOST * self.decode_s(foreseen_s))
            self._foreseen_s = _MEMORY * self._foreseen_s + foreseen_s
            self._seconds = _MEMORY * self._seconds + seconds
