"""What an inference tells of its times, and that a batch is itself alone."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from service.engine.inference import Batch, Inference


def test_it_waited_whenever_it_was_neither_decoded_nor_run() -> None:
    batch = Batch(size=2, start=10.007, seconds=0.005)
    one = Inference(np.zeros(3, np.float32), 10.0, 0.002, 10.004, batch)
    assert one.queue_s == pytest.approx(0.005)
    assert one.inference_s == 0.005


def test_two_batches_are_two_however_alike() -> None:
    first, second = (Batch(size=1, start=10.0, seconds=0.001) for _ in range(2))
    assert first != second
    assert len({first, second}) == 2
    assert weakref.ref(first)() is first
