"""Features of photographs in a layer: the mean of each unit over its places."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from booth_client.errors import InvalidParameter, UnsupportedFormat
from service.inspection.layer_features import LayerFeaturesTask, compute
from tests.service.asking import coloured
from tests.service.tiled import quarters, tiled_job, tiled_subject, write_tiled


@pytest.fixture
def tiled(tmp_path: Path) -> Path:
    return write_tiled(tmp_path / "tiled.onnx")


def test_each_photograph_has_its_features_or_what_is_wrong_with_it(tiled: Path) -> None:
    photos = (quarters(), b"some text", coloured((1, 2, 3), 16))
    subject = replace(tiled_subject(tiled, b""), photos=photos)
    task = LayerFeaturesTask(subject, "kernel")
    made = task.read(*compute(tiled_job(tiled, *photos, **task.asked())))
    first, wrong, last = made.each
    assert isinstance(first, np.ndarray)
    assert first == pytest.approx([52.5, 30, 20])
    assert isinstance(wrong, UnsupportedFormat)
    assert isinstance(last, np.ndarray)
    assert last == pytest.approx([1, 2, 3])
    assert task.work_s() > LayerFeaturesTask(tiled_subject(tiled, quarters()), "kernel").work_s()


def test_a_layer_that_there_is_not_is_refused(tiled: Path) -> None:
    with pytest.raises(InvalidParameter, match="This model has no layer 'none'"):
        compute(tiled_job(tiled, quarters(), layer="none"))
