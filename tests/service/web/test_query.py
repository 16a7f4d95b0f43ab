"""A request's parameters: known, and once."""

from __future__ import annotations

import pytest

from booth_client.errors import InvalidParameter
from service.web.query import index, indices, merged, parameters, whole_number


def test_parameters_are_given_by_name() -> None:
    assert parameters(b"a=1&b=%C3%B6+2&&c=", ("a", "b", "c")) == {
        "a": "1",
        "b": "\u00f6 2",
        "c": "",
    }
    assert parameters(b"", ()) == {}


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (b"version=1&version=1", "version is given more than once; send it once."),
        (b"version=1&%76ersion=2", "version is given more than once; send it once."),
        (b"Version=1", "There is no parameter 'Version'; did you mean version?"),
        (b"x", "There is no parameter 'x'; see /docs for those there are."),
        (b"y" * 999, f"There is no parameter '{'y' * 64}'; see /docs for those there are."),
    ],
)
def test_others_and_the_same_again_are_refused(query: bytes, sentence: str) -> None:
    with pytest.raises(InvalidParameter) as refusal:
        parameters(query, ("version", "model"))
    assert refusal.value.detail == sentence


def test_a_body_s_parameters_add_to_the_query_s_and_never_contradict_them() -> None:
    assert merged({"a": "1"}, {"b": "2"}) == {"a": "1", "b": "2"}
    assert merged({"a": "1"}, {"a": "1"}) == {"a": "1"}
    with pytest.raises(InvalidParameter) as refusal:
        merged({"a": "1"}, {"a": "2"})
    assert refusal.value.detail == "a is '1' in the address and '2' in the body; send it once."
    with pytest.raises(InvalidParameter, match="a is '1' in the header X and '2' in the body"):
        merged({"a": "1"}, {"a": "2"}, "the header X")


def test_a_whole_number_is_read_and_anything_else_refused() -> None:
    assert whole_number({"top_k": "7"}, "top_k", most=9) == 7
    assert whole_number({}, "top_k", most=9) is None
    for text in ("0", "10", "-1", "1.5", "x", "", "٣", "1" * 99):
        with pytest.raises(InvalidParameter) as refusal:
            whole_number({"top_k": text}, "top_k", most=9)
        assert refusal.value.detail == (
            f"top_k must be a whole number from 1 to 9, not {text[:32]!r}."
        )


def test_what_counts_from_0_is_read_alone_or_several_at_a_time() -> None:
    assert index({"row": "0"}, "row", most=9) == 0
    assert index({}, "row", most=9) is None
    assert indices({"unit": "7,0,9"}, "unit", most=9, count=3) == (7, 0, 9)
    assert indices({}, "unit", most=9, count=3) == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("10", "unit must be a whole number from 0 to 9, not '10'."),
        ("1,", "unit must be a whole number from 0 to 9, not ''."),
        ("1,-1", "unit must be a whole number from 0 to 9, not '-1'."),
        ("1,2,1", "unit names a number twice; name each once."),
        ("1,2,3,4", "unit has more than 3 numbers; ask for fewer at a time."),
    ],
)
def test_other_lists_are_refused(text: str, sentence: str) -> None:
    with pytest.raises(InvalidParameter) as refusal:
        indices({"unit": text}, "unit", most=9, count=3)
    assert refusal.value.detail == sentence
