"""The work alone, without HTTP."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks.ceiling import WAYS, WORK, Way, ceiling
from benchmarks.parity import Reference


@pytest.mark.parametrize("work", ["peers", "booth"])
@pytest.mark.parametrize("way", sorted(set(WAYS) - {"processes"}))
def test_the_ceiling_is_a_rate(work: str, way: str, model: Path, photos: dict[str, bytes]) -> None:
    start = time.perf_counter()
    rate = ceiling(work, model, list(photos.values()), WAYS[way], 0.1)
    assert 1 / (time.perf_counter() - start) < rate < 1e6


@pytest.mark.parametrize("work", ["peers", "booth"])
def test_both_kinds_of_work_give_the_labels_that_the_network_names(
    work: str, model: Path, photos: dict[str, bytes], expected: list[Reference]
) -> None:
    decode, run = WORK[work](model, Way(workers=1, threads=1, batch=2))
    answers = run([decode(photo) for photo in photos.values()])
    labels = expected[0].labels
    # Behind the probabilities stands how familiar the photograph is.
    first = [int(row[: len(labels)].argmax()) for row in answers]
    assert len(set(first)) > 1
    for index, reference in zip(first, expected, strict=True):
        assert labels[index] == reference.first
