"""Probabilities become labels: the right ones, in order, as the card names them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from booth_client.wire import Attribute, Environment, Region, View, as_json
from models.card import Card, Familiarity, Share
from service.engine.inference import Batch, Explanation, Inference
from service.engine.naming import Labeller, first_labels
from service.fleet.identity import read_model_file
from service.runtimes.session import Session


@pytest.fixture
def card(scenes: Path) -> Card:
    """Red is indoors, green and blue are outdoors."""
    return Session(read_model_file(scenes)).card


def inference(*probabilities: float) -> Inference:
    batch = Batch(size=1, start=10.003, seconds=0.002)
    return Inference(np.array(probabilities, np.float32), 10.0, 0.001, 10.001, batch)


def test_the_labels_come_most_confident_first_with_the_names_of_the_card(card: Card) -> None:
    answer = Labeller(card).answer(inference(0.2, 0.7, 0.1), 2, 0.006)
    assert (answer.model, answer.version) == ("scenes", "1")
    assert [(one.label, one.category, one.index) for one in answer.predictions] == [
        ("Green", "green", 1),
        ("Red", "red", 0),
    ]
    assert [one.confidence for one in answer.predictions] == [0.7, 0.2]


def test_a_label_says_what_it_was_learned_from_where_the_card_does(card: Card) -> None:
    answer = Labeller(card).answer(inference(0.2, 0.7, 0.1), 3, 0.006)
    assert {one.category: one.basis for one in answer.predictions} == {
        "red": "labelled",
        "green": "distilled",
        "blue": None,
    }


def test_an_explanation_becomes_part_of_the_answer(card: Card) -> None:
    regions = [Region([[1.0]], [0, 0, level, 1]) for level in (1, 2)]
    found = Explanation(View(8, 8, [0, 0, 8, 8]), regions, None, [Attribute("warm", 0.5)])
    explained = replace(inference(0.2, 0.7, 0.1), explanation=found)
    plain, answer = (
        Labeller(card).answer(one, 2, 0.006) for one in (inference(0.2, 0.7, 0.1), explained)
    )
    assert (answer.view, answer.cells, answer.attributes) == (found.view, None, found.attributes)
    assert [one.region for one in answer.predictions] == regions
    for one, other in zip(plain.predictions, answer.predictions, strict=True):
        assert (one.category, one.confidence, one.basis) == (
            other.category,
            other.confidence,
            other.basis,
        )


def test_the_times_are_in_milliseconds(card: Card) -> None:
    timing = Labeller(card).answer(inference(0.2, 0.7, 0.1), 1, 0.006).timing_ms
    assert (timing.decode, timing.queue, timing.inference, timing.total) == (1, 2, 2, 6)


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ((0.75, 0.25, 0.0), Environment("indoor", 0.75)),
        ((0.25, 0.5, 0.25), Environment("outdoor", 0.75)),  # a sum over all that is outdoors
        ((0.5, 0.25, 0.25), Environment("indoor", 0.5)),
        ((1.0000001, 0.0, 0.0), Environment("indoor", 1.0)),
    ],
)
def test_a_scene_is_indoors_or_outdoors_by_the_sum_of_its_labels(
    card: Card, probabilities: tuple[float, ...], expected: Environment
) -> None:
    assert Labeller(card).answer(inference(*probabilities), 1, 0.006).environment == expected


def test_what_is_no_scene_has_no_environment(tiny: Path) -> None:
    answer = Labeller(Session(read_model_file(tiny)).card).answer(
        inference(0.2, 0.7, 0.1), 1, 0.006
    )
    assert answer.environment is None


def test_first_labels_are_those_of_a_full_sort() -> None:
    shares = np.random.default_rng(0).random(1000).astype(np.float32)
    shares[5] = shares[17]
    for k in (1, 5, 999, 1000, 2000):
        assert first_labels(shares, k) == np.argsort(-shares, kind="stable")[:k].tolist()


FAMILIARITY = Familiarity(
    threshold=2.5, limit=1, known=(Share(of="scenes", photographs=10, share=0.9),)
)


@pytest.mark.parametrize(("familiarity", "known"), [(2.4, False), (2.5, True), (9, True)])
def test_an_answer_says_whether_the_photograph_is_known(
    card: Card, familiarity: float, known: bool
) -> None:
    labeller = Labeller(card.model_copy(update={"familiarity": FAMILIARITY}))
    one = inference(0.2, 0.7, 0.1, familiarity)
    answer = labeller.answer(one, 3, 0.006)
    assert answer.known is known
    assert [label.index for label in answer.predictions] == [1, 0, 2]
    explained = replace(one, explanation=Explanation(View(8, 8, [0, 0, 8, 8])))
    assert labeller.answer(explained, 3, 0.006).known is known


def test_without_a_threshold_nothing_is_said_of_what_is_known(card: Card) -> None:
    answer = Labeller(card).answer(inference(0.2, 0.7, 0.1), 3, 0.006)
    assert answer.known is None
    assert as_json(answer) is answer


@pytest.mark.parametrize(
    ("shares", "count", "first"),
    [
        ([0.1, 0.8, 0.1], 2, [1, 0]),
        ([0.25] * 4, 3, [0, 1, 2]),
        ([0.0, 0.5, 0.0, 0.5], 9, [1, 3, 0, 2]),
    ],
)
def test_equal_shares_come_by_index_also_at_the_edge(
    shares: list[float], count: int, first: list[int]
) -> None:
    assert first_labels(np.array(shares, np.float32), count) == first
