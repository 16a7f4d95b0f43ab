"""The text of reports: aligned, complete, no longer than a screen."""

from __future__ import annotations

import json
import re

from models.card import Bin, Calibration, Card, Input, Label, Weights
from service.cli.report import card_json, evaluation_json, evaluation_text
from service.lab.evaluation import Evaluation, Group

BINS = (Bin(photographs=0), Bin(photographs=4, confidence=0.9, right=0.75))
MEASURED = Evaluation(
    top1=0.75,
    top5=1.0,
    calibration_error=0.15,
    photographs=4,
    unreadable=1,
    seconds=2.04,
    bins=BINS,
    environment=2 / 3,
    environment_photographs=3,
    groups={"day": Group(3, 1.0, 1.0), "": Group(1, 0.0, 1.0)},
    faults={"two\nlines.jpg": "It is empty."},
)
OBJECTS = Evaluation(
    top1=0.5, top5=0.5, calibration_error=0, photographs=4, unreadable=0, seconds=1, bins=BINS
)
CARD = Card(
    name="places",
    title="Scenes",
    architecture="resnet18",
    parameters=1,
    multiply_adds=1,
    precision="int8",
    input=Input(size=224, resize=256),
    labels=(
        Label(name="Booth", category="booth", basis="labelled", photographs=900),
        Label(name="Harbor", category="harbor", basis="distilled"),
        Label(name="Pier", category="pier", basis="distilled"),
    ),
    weights=Weights(origin="here", sha256="0" * 64, licence="Apache-2.0"),
    calibration=Calibration(
        temperature=1.2,
        fitted_on="one half",
        fitted_photographs=3,
        measured_on="the other half",
        measured_photographs=4,
        error_before=0.2,
        error_after=0.15,
        bins_before=BINS,
        bins_after=BINS,
    ),
)


def test_every_figure_has_its_line() -> None:
    assert evaluation_text(MEASURED, by=None, reliability=False).splitlines() == [
        "photographs        4",
        r"unreadable         1 (left out): two\nlines.jpg",
        "top-1              75.00%",
        "top-5              100.00%",
        "calibration error  15.00%",
        "indoors/outdoors   66.67% of the 3 that are clearly one",
        "seconds            2.0",
    ]


def test_what_was_not_measured_has_no_line() -> None:
    text = evaluation_text(OBJECTS, by=None, reliability=False)
    assert not re.search("unreadable|indoors", text)
    assert 'environment"' not in evaluation_json(OBJECTS)


def test_groups_stand_in_a_table_with_a_total() -> None:
    table = evaluation_text(MEASURED, by="light", reliability=False).partition("\n\n")[2]
    assert table.splitlines() == [
        "light    photographs    top-1    top-5",
        "day                3  100.00%  100.00%",
        "(empty)            1    0.00%  100.00%",
        "all                4   75.00%  100.00%",
    ]


def test_each_bin_has_a_row() -> None:
    table = evaluation_text(MEASURED, by=None, reliability=True).partition("\n\n")[2]
    assert table.splitlines() == [
        "confidence  photographs  mean confidence  right",
        "0-50%                 0                -      -",
        "50-100%               4            90.0%  75.0%",
    ]


def test_json_has_bins_and_groups() -> None:
    measured = json.loads(evaluation_json(MEASURED))
    assert measured["bins"] == [
        {"photographs": 0},
        {"photographs": 4, "confidence": 0.9, "right": 0.75},
    ]
    assert measured["groups"][""] == {"photographs": 1, "top1": 0.0, "top5": 1.0}


def test_a_card_to_read_counts_its_labels_and_leaves_out_the_bins() -> None:
    shown = json.loads(card_json(CARD))
    assert shown["labels"] == {"count": 3, "labelled": 1, "distilled": 2}
    assert shown["calibration"]["error_after"] == 0.15
    assert "bins_after" not in shown["calibration"]
    assert "published" not in shown
