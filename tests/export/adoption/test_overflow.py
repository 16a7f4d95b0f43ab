"""Networks that ONNX Runtime's own quantiser made: only those of 7 bits are the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from export.adoption.overflow import may_overflow
from export.cli.adopt import adopt
from tests.export.adoption.networks import SIDE, Network, node
from tests.export.cli.invoking import run

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

WARNING = "x86 CPUs without VNNI"


class Noise(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self) -> None:
        chance = np.random.default_rng(2)
        self.photos = iter(chance.normal(size=(4, 1, 3, SIDE, SIDE)).astype(np.float32))

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        photo = next(self.photos, None)
        return None if photo is None else {"input": photo}


def quantised(folder: Path, form: QuantFormat, *, reduced: bool) -> Path:
    out = folder / "int8.onnx"
    quantize_static(
        Network().save(folder / "float.onnx"),
        out,
        Noise(),
        quant_format=form,
        per_channel=True,
        reduce_range=reduced,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return out


@pytest.mark.parametrize("form", list(QuantFormat))
@pytest.mark.parametrize("reduced", [False, True])
def test_weights_of_eight_bits_may_overflow_and_of_seven_may_not(
    tmp_path: Path, form: QuantFormat, reduced: bool
) -> None:
    assert may_overflow(onnx.load(quantised(tmp_path, form, reduced=reduced))) is not reduced


def test_a_network_in_floats_can_not_overflow() -> None:
    assert not may_overflow(Network().model())


@pytest.mark.parametrize(("column", "may"), [([127, 127], True), ([127, -127], False)])
def test_a_product_s_neighbours_stand_below_each_other(column: list[int], may: bool) -> None:
    weights = np.tile(np.array(column, np.int8)[:, None], (2, 3))
    model = Network(
        last=[node("MatMulInteger", "integers", "output", "weights")],
        constants={"weights": weights},
    ).model()
    assert may_overflow(model) is may


def test_adopting_one_says_so(tmp_path: Path, labels: Path) -> None:
    out = tmp_path / "adopted.onnx"
    eight = quantised(tmp_path, QuantFormat.QDQ, reduced=False)
    result = run(adopt, eight, "--out", out, "--labels", labels)
    assert WARNING in result.output
    seven = quantised(tmp_path, QuantFormat.QDQ, reduced=True)
    assert WARNING not in run(adopt, seven, "--out", out, "--labels", labels).output
