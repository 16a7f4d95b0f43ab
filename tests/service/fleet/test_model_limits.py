"""A model may have limits of its own, a version others, and what it doesn't say is as for all."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.card import Card
from service.engine.classifier import Limits
from service.fleet.fleet import Fleet
from service.fleet.layout import Layouts
from service.fleet.model_limits import NAMES, LimitsByModel, ModelLimits
from service.machine import cores
from service.settings import BadSettings, Settings
from tests.service.conftest import MakeTiny, tiny_card

COMMON = Limits(queue_size=256, deadline_s=10, stall_s=30)
SET = (
    '{"tiny": {"queue_size": 64, "deadline_ms": 2500, "stall_ms": 500, "threads": 1},'
    ' "tiny:2": {"queue_size": 8, "slots": 1, "max_batch_size": 16}, "other": {}}'
)


def limits_of(text: str, card: Card) -> ModelLimits:
    return LimitsByModel.from_settings(Settings(model_limits=text)).of(card)


def test_a_version_has_the_limits_of_its_name_and_its_own_before_them() -> None:
    first, second = (limits_of(SET, tiny_card(version=version)) for version in "12")
    assert first.given == {"queue_size": 64, "deadline_ms": 2500, "stall_ms": 500, "threads": 1}
    assert second.given == {**first.given, "queue_size": 8, "slots": 1, "max_batch_size": 16}
    assert limits_of(SET, tiny_card("third")).given == {}
    assert limits_of("", tiny_card()).given == {}


def test_limits_replace_those_for_all() -> None:
    own = ModelLimits({"queue_size": 64, "deadline_ms": 2500, "stall_ms": 500})
    assert own.limits(COMMON) == Limits(queue_size=64, deadline_s=2.5, stall_s=0.5)
    assert ModelLimits().limits(COMMON) == COMMON


def test_a_layout_by_hand_wins_over_a_tuning_and_nothing_else_does() -> None:
    common = Layouts(["cpu"], slots=3, threads=2, max_batch_size=4, tunings=Path("models"))
    own = ModelLimits({"slots": 0, "max_batch_size": 16})
    assert own.layouts(common) == Layouts(["cpu"], 0, 2, 16, None)
    assert ModelLimits({"queue_size": 1}).layouts(common) is common


def test_the_largest_of_all() -> None:
    by_model = LimitsByModel.from_settings(Settings(model_limits=SET))
    assert [by_model.largest(name) for name in NAMES] == [64, 2500, 500, 16, 1, 1]
    assert LimitsByModel().largest("queue_size") == 0


def test_the_names_are_those_of_settings() -> None:
    assert set(NAMES) < set(Settings.model_fields)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tiny", "It is no JSON; write an object such as {"),
        ('{"tiny": 64}', "The limits of tiny must be an object such as {"),
        (
            '{"tiny": {"queue": 64}}',
            'The limits of tiny: there is no "queue"; did you mean queue_size?',
        ),
        ('{"tiny": {"x": 64}}', 'The limits of tiny: there is no "x"; there are queue_size, deadl'),
        ('{"Tiny": {}}', '"Tiny" is no name of a model, which has small letters'),
        ('{"tiny:": {}}', '"" is no version of a model, which has letters'),
        ('{"tiny:1:2": {}}', '"1:2" is no version of a model, which has letters'),
        ('{"tiny": {"slots": 1.5}}', "The slots of tiny is 1.5, and must be a whole number."),
        ('{"tiny": {"slots": true}}', "The slots of tiny is true, and must be a whole number."),
        ('{"tiny": {"slots": "1"}}', 'The slots of tiny is "1", and must be a whole number.'),
        ('{"tiny": {"queue_size": 0}}', "The queue_size of tiny is 0; it should be greater than"),
        ('{"tiny": {"threads": -1}}', "The threads of tiny is -1; it should be greater than or"),
        ('{"tiny:2": {"max_batch_size": 1025}}', "The max_batch_size of tiny:2 is 1025; it shoul"),
        ('{"tiny": {}, "tiny": {}}', '"tiny" stands twice in one object; write it once.'),
    ],
)
def test_limits_that_wont_do_are_told(text: str, told: str) -> None:
    with pytest.raises(BadSettings) as error:
        LimitsByModel.from_settings(Settings(model_limits=text))
    assert str(error.value).startswith(f"BOOTH_MODEL_LIMITS won't do: {told}")


def test_a_model_is_loaded_within_its_own_limits(make_tiny: MakeTiny) -> None:
    own = LimitsByModel.from_settings(Settings(model_limits=SET))
    fleet = Fleet(COMMON, Layouts(["cpu"]), own)
    fleet.refresh([make_tiny("tiny"), make_tiny("two", version="2")])
    fleet.load(make_tiny("tiny", version="2"))
    first, second, other = (
        fleet.get(name, version).classifier.limits
        for name, version in (("tiny", "1"), ("tiny", "2"), ("two", "2"))
    )
    assert (first.queue_size, first.deadline_s, first.slots) == (64, 2.5, cores())
    assert (second.queue_size, second.max_batch_size, second.slots) == (8, 16, 1)
    assert (other.queue_size, other.deadline_s, other.max_batch_size) == (256, 10, 4)
    fleet.close()
