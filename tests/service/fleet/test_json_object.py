"""What an operator writes by hand is read strictly, and what is wrong with it is told."""

from __future__ import annotations

import time

import pytest

from models.card import Card
from service.fleet.json_object import BadObject, check_model, check_version, entries, read_object
from tests.service.conftest import tiny_card


@pytest.mark.parametrize("text", ["", "{", "a=1", b"\xff", "[" * 100_000, "1" * 5000, "{'a': 1}"])
def test_what_is_no_json_is_told_with_an_example(text: str | bytes) -> None:
    with pytest.raises(BadObject, match=r'^It is no JSON; write an object such as \{"a": 1\}\.$'):
        read_object(text, '{"a": 1}')


@pytest.mark.parametrize("text", ["[]", "null", "1", '"places365=1"'])
def test_what_is_no_object_is_shown(text: str) -> None:
    with pytest.raises(BadObject) as error:
        read_object(text, '{"a": 1}')
    assert str(error.value) == f'It must be an object such as {{"a": 1}}, not {text}.'


def test_a_name_that_stands_twice_is_refused_at_any_depth() -> None:
    with pytest.raises(BadObject, match=r'^"1" stands twice in one object; write it once\.$'):
        read_object('{"places365": {"1": 95, "1": 5}}', "{}")


def test_of_many_names_the_one_that_stands_twice_is_found_at_once() -> None:
    names = ", ".join(f'"{name}": 1' for name in [*range(100_000), 99_999])
    start = time.perf_counter()
    with pytest.raises(BadObject, match=r'^"99999" stands twice'):
        read_object(f"{{{names}}}", "{}")
    assert time.perf_counter() - start < 5  # each compared with each: minutes


@pytest.mark.parametrize("levels", range(900, 1000, 10))
def test_what_is_nested_as_deep_as_can_just_be_read_is_told(levels: int) -> None:
    with pytest.raises(BadObject):
        read_object("[" * levels + "]" * levels, "{}")


def test_unknown_names_are_refused_with_the_nearest() -> None:
    known = ("weights", "shadow")
    assert entries({"shadow": 1}, "It", "{}", known) == {"shadow": 1}
    with pytest.raises(BadObject, match=r'^It: there is no "weight"; did you mean weights\?$'):
        entries({"weight": 1}, "It", "{}", known)
    with pytest.raises(
        BadObject, match=r'^It: there is no "x+\.\.\.; there are weights, shadow\.$'
    ):
        entries({"x" * 10_000: 1}, "It", "{}", known)
    with pytest.raises(BadObject, match=r"^It may have 256 entries, not 257\.$"):
        entries({str(number): 1 for number in range(257)}, "It", "{}")


@pytest.mark.parametrize(
    ("text", "is_model", "is_version"),
    [
        ("places365", True, True),
        ("a" * 64, True, False),
        ("a" * 65, False, False),
        ("2024-11-27_b.1", True, True),
        ("V2", False, True),
        ("", False, False),
        (".hidden", False, False),
        ("-1", False, False),
        ("a b", False, False),
        ("a\n", False, False),
        ("a/b", False, False),
        ("\N{ARABIC-INDIC DIGIT ONE}", False, False),
        ("\ud800", False, False),
    ],
)
def test_names_are_those_that_a_card_may_have(text: str, is_model: bool, is_version: bool) -> None:
    if is_model:
        check_model(text)
    else:
        with pytest.raises(BadObject, match=r"is no name of a model, which has small letters"):
            check_model(text)
    if is_version:
        check_version(text)
    else:
        with pytest.raises(BadObject, match=r"is no version of a model, which has letters"):
            check_version(text)
    for field, is_valid in (("name", is_model), ("version", is_version)):
        card = {**tiny_card().model_dump(), field: text}
        assert _is_valid(card) == is_valid


def _is_valid(card: dict[str, object]) -> bool:
    try:
        Card.model_validate(card)
    except ValueError:
        return False
    return True
