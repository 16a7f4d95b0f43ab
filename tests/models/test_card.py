"""The card: what contradicts itself is refused, what is not known takes no room."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from models.card import Bin, Calibration, Card, Input, Label
from models.shelf import ZOO
from service.fleet.identity import read_card

BINS = (Bin(photographs=0), Bin(photographs=4, confidence=0.9, right=0.75))


def calibration(**changed: Any) -> Calibration:
    known = {
        "temperature": 1.2,
        "fitted_on": "one half",
        "fitted_photographs": 3,
        "measured_on": "the other half",
        "measured_photographs": 4,
        "error_before": 0.2,
        "error_after": 0.15,
        "bins_before": BINS,
        "bins_after": BINS,
    }
    return Calibration.model_validate(known | changed)


@pytest.mark.parametrize(
    ("basis", "photographs", "sentence"),
    [("distilled", 7, "has photographs"), ("labelled", 0, "has no photographs")],
)
def test_a_label_s_photographs_fit_its_basis(basis: Any, photographs: int, sentence: str) -> None:
    with pytest.raises(ValidationError, match=f"'booth/indoor' {sentence}"):
        Label(name="Booth", category="booth/indoor", basis=basis, photographs=photographs)


@pytest.mark.parametrize("basis", [None, "labelled", "distilled"])
def test_a_label_s_basis_needs_no_count(basis: Any) -> None:
    label = Label(name="Booth", category="booth/indoor", basis=basis)
    assert (label.basis, label.photographs) == (basis, None)


@pytest.mark.parametrize("which", ["bins_before", "bins_after"])
def test_the_bins_of_a_calibration_hold_what_was_measured(which: str) -> None:
    with pytest.raises(ValidationError, match="hold 8 photographs, but 4 were measured"):
        calibration(**{which: (*BINS, *BINS)})


def test_a_calibration_survives_json_and_an_empty_bin_is_short() -> None:
    text = calibration().model_dump_json(exclude_none=True)
    assert Calibration.model_validate_json(text) == calibration()
    assert text.count('{"photographs":0}') == 2


def test_the_detail_is_coarser_than_the_square() -> None:
    assert Input(size=192, resize=192, detail=128).coarseness == 1.5
    assert Input(size=192, resize=192).coarseness == 1
    with pytest.raises(ValueError, match=r"detail \(192\) must be less than size \(192\)"):
        Input(size=192, resize=192, detail=192)


def test_nothing_is_finer_than_a_detail_that_is_not_there() -> None:
    card = read_card(ZOO / "places365.onnx")
    assert card.calibration
    assert card.calibration.finer
    whole = card.input.model_copy(update={"detail": None})
    with pytest.raises(ValidationError, match="no detail is less fine"):
        Card.model_validate(card.model_copy(update={"input": whole}).model_dump())
