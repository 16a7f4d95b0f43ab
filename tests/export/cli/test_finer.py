from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from PIL import Image

from export.cli.finer import fit_finer
from models.shelf import ZOO
from service.fleet.identity import read_card

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


def write(photos: dict[str, bytes], folder: Path, collections: tuple[str, ...]) -> Path:
    """A data set whose photographs come from such collections, with one too small to be finer."""
    rows = ["file,places365"]
    for place, name in zip(collections, ("coffee", "chelsea", "rocket"), strict=False):
        with Image.open(io.BytesIO(photos[name])) as image:
            own = image.resize((100, 100)) if place == "small" else image
            (folder / place).mkdir(exist_ok=True)
            own.save(folder / place / f"{name}.jpg")
        rows.append(f"{place}/{name}.jpg,coffee_shop")
    data = folder / "several.csv"
    data.write_text("\n".join(rows), encoding="utf-8")
    return data


def fit(file: Path, data: Path, out: Path) -> Result:
    return CliRunner().invoke(fit_finer, [str(file), str(data), f"--out={out}"])


def test_finer_photographs_get_a_temperature(photos: dict[str, bytes], tmp_path: Path) -> None:
    shipped, out = ZOO / "places365.onnx", tmp_path / "fitted.onnx"
    data = write(photos, tmp_path, ("one", "other", "small"))

    result = fit(shipped, data, out)

    assert result.exit_code == 0, result.output
    assert "2 photographs of 2 collections" in result.output
    card, before = read_card(out), read_card(shipped)
    assert card.calibration
    assert before.calibration
    assert card.calibration.finer
    assert card.calibration.finer.fitted_on == "photographs of several finer than 128"
    calibration = card.calibration.model_copy(update={"finer": before.calibration.finer})
    assert card.model_copy(update={"calibration": calibration}) == before


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("efficientnet_lite0", "has no detail"), ("places365", "no finer photographs of two")],
)
def test_what_cannot_be_fitted_is_said(
    photos: dict[str, bytes], tmp_path: Path, name: str, sentence: str
) -> None:
    result = fit(ZOO / f"{name}.onnx", write(photos, tmp_path, ("one", "small")), tmp_path / "out")
    assert result.exit_code
    assert sentence in str(result.exception) + result.output
