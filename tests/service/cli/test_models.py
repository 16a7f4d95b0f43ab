"""`booth models`: what is there, what can be pulled, and a card."""

from __future__ import annotations

import json
from pathlib import Path

from models.shelf import ZOO
from service.fleet.identity import read_card
from tests.service.cli.running import booth

# What no part of the model was fitted on, or chosen by.
UNSEEN = {"places365": "miniplaces-test", "lenet5": "MNIST's test digits"}


def test_models_lists_what_is_there_and_what_can_be_pulled(tmp_path: Path) -> None:
    empty = {"BOOTH_MODEL_DIR": str(tmp_path)}
    lines = booth("models", environment=empty).stdout.decode().splitlines()
    for name, precision in (
        ("places365", "int8"),
        ("efficientnet_lite0", "int8"),
        ("lenet5", "fp32"),
    ):
        shipped = next(line for line in lines if line.startswith(f"{name} "))
        assert precision in shipped
        measured = {one.dataset: one for one in read_card(ZOO / f"{name}.onnx").measured}
        if unseen := measured.get(UNSEEN.get(name, "")):
            assert shipped.split()[3:5] == [f"{unseen.top1:.1%}", f"{unseen.top5:.1%}"]
    assert any(line.endswith("booth pull resnet50") for line in lines)
    as_json = booth("models", "--json", environment=empty).stdout.splitlines()
    assert {json.loads(line)["ready"] for line in as_json} == {True, False}


def test_models_prints_a_card() -> None:
    card = json.loads(booth("models", "efficientnet_lite0").stdout)
    assert (card["precision"], card["input"]["size"]) == ("int8", 224)


def test_models_prints_the_whole_card_as_json() -> None:
    card = json.loads(booth("models", "efficientnet_lite0", "--json").stdout)
    assert len(card["labels"]) == 1000
