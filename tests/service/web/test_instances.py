"""Photographs in JSON, under the names of other services; Booth's own names: see test_body."""

from __future__ import annotations

import tracemalloc
from typing import Any

import orjson
import pytest

from booth_client.errors import BoothError, InvalidParameter, TooManyPhotos
from service.web.instances import Names, Sent, from_base64, is_json, read_json

NAMES = Names(("inputs", "instances"), '{"inputs": "<base64>"}', passed_over=("options",))
KNOWN = ("model", "top_k")
HI = "aGk="


def sent_in(fields: dict[str, Any], most: int = 4) -> Sent:
    return read_json(orjson.dumps(fields), most, KNOWN, NAMES)


@pytest.mark.parametrize(
    "instance",
    [
        HI,
        {"b64": HI},
        {"image": HI},
        {"image": {"b64": HI}},
        {"b64": f"data:image/png;base64,{HI}"},
    ],
)
def test_an_instance_is_base64_perhaps_as_b64_and_under_a_name(instance: object) -> None:
    assert sent_in({"instances": [instance]}) == Sent([b"hi"], True, {}, "instances")
    assert sent_in({"inputs": [instance, instance]}) == Sent([b"hi", b"hi"], True, {}, "inputs")
    assert sent_in({"inputs": instance}) == Sent([b"hi"], False, {}, "inputs")


def test_columns_stand_under_the_name_of_their_input() -> None:
    column = {"image": [{"b64": HI}, {"b64": "aG8"}]}
    assert sent_in({"inputs": column}) == Sent([b"hi", b"ho"], True, {}, "inputs")


def test_parameters_stand_in_an_object_or_beside_it() -> None:
    nested = {"inputs": HI, "parameters": {"top_k": 3, "model": None}, "options": {"a": [1]}}
    assert sent_in(nested).fields == {"top_k": "3"}
    assert sent_in({"inputs": HI, "model": "tiny", "parameters": None}).fields == {"model": "tiny"}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, 'The JSON must have {"inputs": "<base64>"}, and nothing else'),
        ({"instances": []}, "The JSON must have"),
        ({"inputs": {"image": []}}, "The JSON must have"),
        ({"instances": HI}, "The JSON must have"),
        ({"instances": [HI], "inputs": HI}, "The JSON must have"),
        ({"instances": [{"b64": "?"}]}, "instances[0] is not valid base64."),
        ({"instances": [HI, {"b64": HI, "key": 1}]}, "instances[1] must be a string: base64, or a"),
        ({"instances": [{"a": {"b": {"b64": HI}}}]}, "instances[0] must be a string"),
        ({"instances": [{"b64": {"b64": HI}}]}, "instances[0] must be a string"),
        ({"instances": [[[[0, 1], [2, 3]]]]}, "instances[0] must be a string"),
        ({"instances": [None]}, "instances[0] must be a string"),
        ({"inputs": 7}, "inputs must be a string"),
        ({"instnaces": [HI]}, "There is no parameter 'instnaces'; did you mean instances?"),
        ({"image": HI}, "There is no parameter 'image'"),
        ({"inputs": HI, "parameters": []}, 'parameters must be an object, such as {"top_k": 3}.'),
        ({"inputs": HI, "parameters": {"topk": 3}}, "'topk'; did you mean top_k?"),
        ({"inputs": HI, "parameters": {"top_k": 2.5}}, "top_k must be a string or a whole number"),
        ({"inputs": HI, "parameters": {"top_k": {}}}, "top_k must be a string or a whole number"),
        ({"inputs": HI, "top_k": 3, "parameters": {"top_k": 3}}, "top_k is given more than once"),
    ],
)
def test_what_won_t_do_is_told(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidParameter) as told:
        sent_in(fields)
    assert sentence in told.value.detail


@pytest.mark.parametrize(
    "body",
    [
        b'{"inputs": "aGk=", "inputs": "aGk="}',
        b'{"instances": [{"b64": "aGk=", "b64": "aGk="}]}',
        b'{"inputs": "aGk=", "parameters": {"top_k": 1, "top_k": 2}}',
        b'{"inputs": "%b"}' % (b'\\":' * 2_000_000),
    ],
)
def test_a_name_given_twice_is_refused_however_deep(body: bytes) -> None:
    with pytest.raises(InvalidParameter, match="more than once"):
        read_json(body, 4, KNOWN, NAMES)


def test_more_photographs_than_are_taken_are_refused() -> None:
    with pytest.raises(TooManyPhotos, match="at most 4"):
        sent_in({"instances": [{"b64": HI}] * 5})


@pytest.mark.parametrize(
    "junk", [b"1," * 5000, b"[[[[0]]]],{}," * 4000, b"[" * 6000, b'{"a":' * 6000], ids=len
)
def test_millions_of_values_are_not_even_parsed(junk: bytes) -> None:
    body = b'{"instances": [%b0]}' % (junk * 200)
    tracemalloc.start()
    with pytest.raises(BoothError):
        read_json(body, 4, KNOWN, NAMES)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


def test_what_is_nested_too_deep_is_malformed() -> None:
    with pytest.raises(InvalidParameter, match=r"The JSON is malformed; send \{\"inputs\""):
        read_json(b'{"inputs": ' + b"[" * 2000 + b"]" * 2000 + b"}", 4, KNOWN, NAMES)


@pytest.mark.parametrize("text", ["-_-_", "-_\n-_", "+/+/", "data:image/jpeg;BASE64,+/+/"])
def test_base64_has_two_alphabets(text: str) -> None:
    assert from_base64(text, "it") == b"\xfb\xff\xbf"


@pytest.mark.parametrize(
    ("body", "is_one"), [(b' {"a', True), (b"\xef\xbb\xbf{", True), (b"[{", False), (b"", False)]
)
def test_an_object_begins_with_its_bracket(body: bytes, is_one: bool) -> None:
    assert is_json(body) is is_one
