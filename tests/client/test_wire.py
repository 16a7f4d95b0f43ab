"""The JSON's fields: as the service writes them, and the same as a model's card has them."""

from __future__ import annotations

from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any, get_type_hints

import onnx
import orjson
import pytest
from pydantic import BaseModel

import models.card
from booth_client import wire
from booth_client.parsing import parse
from booth_client.wire import (
    Answer,
    Attribute,
    Environment,
    ExplainedAnswer,
    ExplainedPrediction,
    KnownAnswer,
    Prediction,
    PredictionWithBasis,
    Region,
    Timing,
    View,
    as_json,
)

ZOO = sorted((Path(__file__).resolve().parents[2] / "models/zoo").glob("*.onnx"))
RECORDS = [
    name
    for name in models.card.__all__
    if isinstance(getattr(models.card, name), type)
    and issubclass(getattr(models.card, name), BaseModel)
]
PREDICTIONS: list[ExplainedPrediction | PredictionWithBasis | Prediction] = [
    Prediction("Indoor booth", "booth/indoor", 61, 0.72),
    PredictionWithBasis("Harbor", "harbor", 1, 1e-7, "distilled"),
]


def named(hint: Any) -> str:
    """A type's name, wherever it is defined."""
    return str(hint).replace("models.card.", "").replace("booth_client.wire.", "")


def fields_of_card(record: type[BaseModel]) -> dict[str, tuple[str, Any]]:
    hints = get_type_hints(record)
    return {
        name: (named(hints[name]), MISSING if one.is_required() else one.default)
        for name, one in record.model_fields.items()
    }


def fields_of_wire(record: Any) -> dict[str, tuple[str, Any]]:
    return {
        one.name: (named(get_type_hints(record)[one.name]), one.default) for one in fields(record)
    }


@pytest.mark.parametrize("name", RECORDS)
def test_a_card_s_fields_are_the_wire_s(name: str) -> None:
    card, record = getattr(models.card, name), getattr(wire, name)
    assert fields_of_wire(record) == fields_of_card(card)


@pytest.mark.parametrize("file", ZOO, ids=lambda file: file.stem)
def test_a_shipped_model_s_card_is_read_whole(file: Path) -> None:
    metadata = {one.key: one.value for one in onnx.load(file).metadata_props}
    card = models.card.Card.from_json(metadata[models.card.METADATA_KEY])
    read = parse(wire.Card, orjson.loads(card.to_json()))
    assert asdict(read) == card.model_dump()
    assert read.is_scene_model == card.is_scene_model


def test_an_answer_s_json_has_its_fields_in_this_order() -> None:
    answer = Answer(
        "places365", "1", PREDICTIONS, Environment("indoor", 0.99), Timing(1.4, 0.2, 2.9, 4.8)
    )
    assert orjson.dumps(answer) == (
        b'{"model":"places365","version":"1","predictions":['
        b'{"label":"Indoor booth","category":"booth/indoor","index":61,"confidence":0.72},'
        b'{"label":"Harbor","category":"harbor","index":1,"confidence":1e-7,"basis":"distilled"}],'
        b'"environment":{"kind":"indoor","confidence":0.99},'
        b'"timing_ms":{"decode":1.4,"queue":0.2,"inference":2.9,"total":4.8}}'
    )
    assert parse(Answer, orjson.loads(orjson.dumps(answer))) == answer


@pytest.mark.parametrize("name", wire.__all__)
def test_what_a_request_makes_has_no_dict(name: str) -> None:
    record = getattr(wire, name)
    assert not isinstance(record, type) or "__dict__" not in dir(record)


def test_a_label_says_what_it_was_learned_from_where_the_card_does() -> None:
    assert [one.basis for one in PREDICTIONS] == [None, "distilled"]


def test_what_an_explained_answer_was_not_asked_for_is_left_out() -> None:
    view = View(640, 480, [80, 0, 480, 480])
    answer = ExplainedAnswer(
        "places365",
        "1",
        [ExplainedPrediction("Harbor", "harbor", 1, 0.5, Region([[1, 0]], [80, 0, 480, 480]))],
        None,
        Timing(1.4, 0.2, 2.9, 4.8),
        view,
        attributes=[Attribute("natural light", 3.2)],
    )
    body = orjson.loads(orjson.dumps(as_json(answer)))
    assert list(body) == [
        *("model", "version", "predictions", "environment", "view", "attributes", "timing_ms")
    ]
    assert list(body["predictions"][0]) == ["label", "category", "index", "confidence", "region"]
    assert parse(ExplainedAnswer, body) == answer


def test_a_plain_answer_has_no_explanation() -> None:
    plain = Answer("places365", "1", PREDICTIONS, None, Timing(1, 2, 3, 6))
    assert as_json(plain) is plain
    assert (plain.view, plain.cells, plain.attributes) == (None, None, None)
    assert [one.region for one in plain.predictions] == [None, None]


def test_what_is_known_stands_before_the_times() -> None:
    times = Timing(1, 2, 3, 6)
    answer = KnownAnswer("model", "1", [Prediction("A", "a", 0, 0.5)], None, times, known=False)
    body = orjson.loads(orjson.dumps(as_json(answer)))
    assert list(body) == ["model", "version", "predictions", "environment", "known", "timing_ms"]
    assert parse(KnownAnswer, body) == answer
