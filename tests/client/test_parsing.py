"""Each kind of field: what is taken, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from booth_client.parsing import parse


@dataclass(frozen=True, slots=True)
class Part:
    size: float


@dataclass(frozen=True, slots=True)
class Larger(Part):
    kind: Literal["round", "square"]


@dataclass(frozen=True, slots=True)
class Whole:
    name: str
    count: int
    usual: bool
    parts: tuple[Larger | Part, ...]
    first: Part | None
    others: list[str] | None = None


WHOLE = {"name": "a", "count": 1, "usual": True, "parts": [], "first": None}


def test_an_object_becomes_its_dataclass() -> None:
    given = WHOLE | {"parts": [{"size": 2}, {"size": 0.5, "kind": "round"}], "others": ["b"]}
    assert parse(Whole, given) == Whole(
        "a", 1, True, (Part(2.0), Larger(0.5, "round")), None, ["b"]
    )


def test_a_whole_number_is_a_number_too() -> None:
    assert type(parse(Part, {"size": 2}).size) is float


def test_a_list_of_objects_becomes_a_list() -> None:
    assert parse(list[Part], [{"size": 1.5}]) == [Part(1.5)]


def test_what_a_newer_service_adds_is_ignored() -> None:
    assert parse(Whole, WHOLE | {"colour": "red"}) == Whole("a", 1, True, (), None)


def test_of_a_union_the_first_that_fits_is_taken() -> None:
    given = WHOLE | {"first": {"size": 1.0}, "parts": [{"size": 1.0, "kind": "of a newer service"}]}
    assert parse(Whole, given) == Whole("a", 1, True, (Part(1.0),), Part(1.0))


@pytest.mark.parametrize("missing", WHOLE)
def test_a_field_without_a_default_may_not_be_missing(missing: str) -> None:
    with pytest.raises(TypeError):
        parse(Whole, {name: value for name, value in WHOLE.items() if name != missing})


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": None},
        {"name": b"a"},
        {"count": 1.0},
        {"count": True},
        {"count": "1"},
        {"usual": 1},
        {"parts": None},
        {"parts": {"size": 1.0}},
        {"parts": [{"size": "1"}]},
        {"parts": [{"size": True}]},
        {"parts": [{}]},
        {"first": False},
        {"first": []},
        {"others": [1]},
    ],
)
def test_a_value_of_another_kind_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        parse(Whole, WHOLE | wrong)


@pytest.mark.parametrize("value", [None, 1, "a", [], True])
def test_what_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        parse(Whole, value)
