"""A label map as a task: what it costs, and what its answer means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from booth_client.errors import InvalidParameter
from service.inspection.label_map_task import MapTask
from tests.service.tiled import about, tiled_task, write_tiled


@pytest.fixture
def task(tmp_path: Path, photos: dict[str, bytes]) -> MapTask:
    return tiled_task(write_tiled(tmp_path / "tiled.onnx"), photos["chelsea"])


def test_a_finer_map_takes_longer(task: MapTask) -> None:
    card = task.subject.card.model_copy(update={"multiply_adds": 3_000_000_000})
    coarse = about(task, card=card)
    # 2 x 3 cells of 16 x 16 pixels' four, each a quarter of a run of a tenth of a second.
    assert coarse.work_s() - coarse.subject.decode_s(16) == pytest.approx(6 / 4 * 0.1)
    assert coarse.run_bytes() > 16 * 24 * 800


def test_what_won_t_do_is_known_before_anything_is_computed(task: MapTask) -> None:
    bad = MapTask(task.subject, task.cells._replace(step=3))
    with pytest.raises(InvalidParameter, match="step must be one of 8, 4"):
        bad.work_s()


def test_the_answer_is_read_from_its_bytes(task: MapTask) -> None:
    integers = np.array([4, 7, 0, 1, 1, 0], np.int32).tobytes()
    numbers = np.array([0.5, 0.25, 0.75, 1, 0.2, 0.8], np.float32).tobytes()
    told = {"width": 9, "height": 5, "shape": [1, 2, 2], "labels": 2}
    made = task.read({**told, "decode_s": 1, "inference_s": 2}, integers + numbers)
    assert (made.width, made.height, made.decode_s, made.inference_s) == (9, 5, 1, 2)
    assert made.cells.labels.tolist() == [4, 7]
    assert made.cells.first.tolist() == [[[0, 1], [1, 0]]]
    assert made.cells.confidences.tolist() == [[[0.5, 0.25], [0.75, 1]]]
    assert made.cells.probabilities == pytest.approx([0.2, 0.8])
