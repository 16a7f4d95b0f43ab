"""How far a unit's loss lies from the middle of its box, and on ten photographs that it is near."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.occlusion import Place, offset, places
from service.inspection.layer_network import LayerNetwork
from tests.service.tiled import write_tiled


@pytest.mark.parametrize(
    ("centre", "expected"), [([15, 25], 0), ([10, 25], 0.5), ([16, 40], 0.375), (None, None)]
)
def test_the_offset_is_a_share_of_the_box_s_side(centre: Any, expected: float | None) -> None:
    assert offset({"box": [10, 5, 10, 40], "centre": centre}) == expected


def test_units_are_taken_whose_box_lies_within_the_view(tmp_path: Any) -> None:
    network = LayerNetwork(write_tiled(tmp_path / "tiled.onnx").read_bytes())
    photo = np.zeros((16, 16, 3), np.uint8)
    photo[8:, :8, 2], photo[:8, 8:, 0] = 200, 100
    _, (output,) = network(photo, [network.layers["kernel"]])
    assert list(places(output, 16, 3)) == [Place(2, 1, 0), Place(0, 0, 1)]
    assert list(places(output, 16, 1)) == [Place(2, 1, 0)]
    assert list(places(output, 12, 3)) == []
