"""The body of an inference: the JSON, the bytes behind it, and what contradicts each other."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Any

import orjson
import pytest

from booth_client.errors import BadRequest, InvalidParameter, Overloaded, TooLarge, TooManyPhotos
from service.memory import MemoryBudget
from service.photo.raw import raw_photo
from service.web.infer import InferRequest, read_infer_request
from service.web.tensors import RequestedOutput

AB = [base64.b64encode(one).decode() for one in (b"abc", b"de")]
TWO = b"\x03\0\0\0abc\x02\0\0\0de"
IMAGE = {"name": "image", "datatype": "BYTES", "shape": [2]}
PHOTO = {"name": "photo", "datatype": "UINT8", "shape": [1, 1, 2, 3]}


def read(
    fields: Any, rest: bytes = b"", header: str | None = "", *, budget: int = 1 << 30
) -> InferRequest:
    text = fields if isinstance(fields, bytes) else orjson.dumps(fields)
    if header == "":
        header = str(len(text)) if rest else None
    memory = MemoryBudget(budget)
    with memory.reserve(len(text) + len(rest)) as reservation:
        asked = asyncio.run(
            read_infer_request(
                body=text + rest, reservation=reservation, json_bytes=header, max_photos=4
            )
        )
        assert reservation.size == sum(map(len, asked.photos))
    assert memory.held == 0
    return asked


def in_bytes(fields: dict[str, Any], size: Any) -> dict[str, Any]:
    return {**fields, "parameters": {"binary_data_size": size}}


@pytest.mark.parametrize(
    ("tensor", "rest"),
    [
        ({**IMAGE, "data": AB}, b""),
        ({**IMAGE, "data": AB, "parameters": {"content_type": "base64"}}, b""),
        ({**IMAGE, "shape": [2, 1], "data": [[AB[0]], [AB[1]]]}, b""),
        (in_bytes(IMAGE, len(TWO)), TWO),
        (in_bytes({**IMAGE, "shape": [2, 1]}, len(TWO)), TWO),
    ],
)
def test_encoded_photographs(tensor: dict[str, Any], rest: bytes) -> None:
    assert read({"inputs": [tensor]}, rest).photos == [b"abc", b"de"]


@pytest.mark.parametrize(
    ("tensor", "rest"),
    [
        ({**PHOTO, "data": [1, 2, 3, 4, 5, 6]}, b""),
        ({**PHOTO, "data": [[[[1, 2, 3], [4, 5, 6]]]]}, b""),
        ({**PHOTO, "data": [[1, 2, 3], [4, 5, 6]]}, b""),
        (in_bytes(PHOTO, 6), b"\1\2\3\4\5\6"),
    ],
)
def test_pixels(tensor: dict[str, Any], rest: bytes) -> None:
    assert read({"inputs": [tensor]}, rest).photos == [raw_photo(b"\1\2\3\4\5\6", 2, 1)]


def test_unknown_fields_and_free_parameters_are_taken() -> None:
    asked = read(
        {
            "model_name": "kserve sends it",
            "id": "r1",
            "inputs": [{**IMAGE, "data": AB, "more": 1}],
            "parameters": {"mine": [1, {"deep": None}], "timeout": 5, "sequence_id": 3},
        }
    )
    assert asked.id == "r1"
    assert asked.parameters["timeout"] == 5
    assert (asked.outputs, asked.in_bytes) == ([RequestedOutput()], [False])


@pytest.mark.parametrize(
    ("parameters", "outputs", "classification", "is_in_bytes"),
    [
        ({}, None, 0, False),
        ({}, [], 0, False),
        ({"binary_data_output": True}, None, 0, True),
        ({"binary_data_output": True}, [{"parameters": {"binary_data": False}}], 0, False),
        ({}, [{"parameters": {"binary_data": True, "classification": 2}}], 2, True),
        ({"top_k": 3}, None, 3, False),
        ({"top_k": 3}, [{}], 3, False),
        ({"top_k": "3"}, [{"parameters": {"classification": 1}}], 1, False),
    ],
)
def test_outputs(
    parameters: dict[str, Any],
    outputs: list[dict[str, Any]] | None,
    classification: int,
    is_in_bytes: bool,
) -> None:
    fields: dict[str, Any] = {"inputs": [{**IMAGE, "data": AB}], "parameters": parameters}
    if outputs is not None:
        fields["outputs"] = [{"name": "probabilities", **one} for one in outputs]
    asked = read(fields)
    assert asked.outputs == [RequestedOutput("probabilities", classification)]
    assert asked.in_bytes == [is_in_bytes]


@pytest.mark.parametrize(
    ("fields", "rest", "sentence"),
    [
        ({"inputs": [in_bytes(IMAGE, len(TWO) - 1)]}, TWO, "13 bytes.* add up to 12"),
        ({"inputs": [in_bytes(IMAGE, len(TWO) + 1)]}, TWO, "13 bytes.* add up to 14"),
        ({"inputs": [in_bytes(IMAGE, len(TWO))]}, b"", "0 bytes.* add up to 13"),
        ({"inputs": [in_bytes(IMAGE, 2**63)]}, TWO, "13 bytes.* add up to 9223372036854775808"),
        (
            b'{"inputs":[{"name":"image","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":1000000000000000000000}}]}',
            TWO,
            "count of bytes",
        ),
        ({"inputs": [in_bytes(IMAGE, -1)]}, TWO, "count of bytes"),
        ({"inputs": [in_bytes(IMAGE, "13")]}, TWO, "count of bytes"),
        ({"inputs": [in_bytes(IMAGE, True)]}, b"x", "count of bytes"),
        ({"inputs": [{**in_bytes(IMAGE, 13), "data": AB}]}, TWO, "either data or"),
        ({"inputs": [{**IMAGE, "data": AB}]}, b"x", "1 bytes.* add up to 0"),
        ({"inputs": [IMAGE]}, b"", "neither data"),
        ({"inputs": [{**IMAGE, "data": AB[0]}]}, b"", "neither data"),
        ({"inputs": [{**IMAGE, "data": ["no base64!", AB[0]]}]}, b"", r"image\[0\] is not valid"),
        ({"inputs": [{**IMAGE, "data": [AB[0], 7]}]}, b"", r"image\[1\] must be a string"),
        ({"inputs": [{**IMAGE, "data": [AB, "x"]}]}, b"", r"image\[0\] must be a string"),
        ({"inputs": [{**PHOTO, "data": [[1, 2, 3], 4, 5, 6]}]}, b"", "whole numbers from 0"),
        ({"inputs": [{**IMAGE, "data": AB}] * 2}, b"", "has 2 inputs"),
        ({"inputs": [in_bytes(IMAGE, 13), in_bytes(PHOTO, 6)]}, TWO + b"123456", "has 2 inputs"),
        ({"inputs": []}, b"", "has 0 inputs"),
        ({}, b"", "has 0 inputs"),
        ({"inputs": {"name": "image"}}, b"", "inputs must be a list of objects"),
        ({"inputs": ["image"]}, b"", "inputs must be a list of objects"),
        ({"inputs": [{**IMAGE, "name": 1}]}, b"", "has no name"),
        ({"inputs": [{"name": "image", "shape": [2], "data": AB}]}, b"", "has no datatype"),
        ({"inputs": [{**IMAGE, "shape": "2", "data": AB}]}, b"", "shape of an input"),
        ({"inputs": [{**IMAGE, "shape": [2.0], "data": AB}]}, b"", "shape of an input"),
        ({"inputs": [{**IMAGE, "shape": [True], "data": AB}]}, b"", "shape of an input"),
        ({"inputs": [{**IMAGE, "shape": [1] * 17, "data": AB}]}, b"", "shape of an input"),
        ({"inputs": [{**IMAGE, "data": AB, "parameters": []}]}, b"", "parameters of an input"),
        ({"inputs": [{**IMAGE, "data": AB}], "parameters": 1}, b"", "parameters of the request"),
        ({"inputs": [{**IMAGE, "data": AB}], "id": 7}, b"", "id must be a string"),
        ({"inputs": [{**IMAGE, "data": AB}], "id": 1001 * "x"}, b"", "id must be a string"),
        ({"inputs": [{**IMAGE, "data": AB}], "outputs": [{}]}, b"", "has no name"),
        ({"inputs": [{**IMAGE, "data": AB}], "outputs": [{"name": "x"}]}, b"", "no output 'x'"),
        (
            {"inputs": [{**IMAGE, "data": AB}], "outputs": [{"name": "probabilities"}] * 2},
            b"",
            "asked for twice",
        ),
        (
            {"inputs": [{**IMAGE, "data": AB}], "parameters": {"binary_data_output": "yes"}},
            b"",
            "binary_data_output must be true or false",
        ),
        (
            {
                "inputs": [{**IMAGE, "data": AB}],
                "outputs": [{"name": "probabilities", "parameters": {"shared_memory_region": "r"}}],
            },
            b"",
            "no shared memory",
        ),
        (b"[1]", b"", "must be an object"),
        (b"", b"", "malformed"),
        (b"{", b"x", "malformed"),
        (b'{"inputs": NaN}', b"", "malformed"),
        (b'{"a": "\xff"}', b"", "malformed"),
        (b"[" * 60_000, b"", "malformed"),
    ],
)
def test_what_contradicts_itself_is_refused(fields: Any, rest: bytes, sentence: str) -> None:
    with pytest.raises(InvalidParameter, match=sentence) as error:
        read(fields, rest)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize("header", ["-1", "1.5", "x", " ", "99999", "9" * 4000, "1_0", "٣"])
def test_a_header_that_lies_is_told(header: str) -> None:
    with pytest.raises(InvalidParameter, match="Inference-Header-Content-Length is"):
        read({"inputs": [{**IMAGE, "data": AB}]}, b"", header)


def test_a_header_that_cuts_the_json_leaves_it_malformed() -> None:
    with pytest.raises(InvalidParameter, match="The JSON is malformed"):
        read({"inputs": [in_bytes(IMAGE, 13)]}, TWO, "20")


def test_photographs_are_bounded() -> None:
    with pytest.raises(TooManyPhotos):
        read({"inputs": [{**IMAGE, "shape": [5], "data": AB * 3}]})


@pytest.mark.parametrize(
    "values",
    [
        b"1," * ((1 << 20) + 1),
        b"[]," * (1 << 20),
        b"[" * 70_001,
        b"{}," * 1001,
        b"1" + b":" * 10_001,
    ],
)
def test_json_of_millions_of_values_is_not_even_parsed(values: bytes) -> None:
    body = b'{"inputs":[{"data":[%b0]}]}' % values
    start = time.perf_counter()
    with pytest.raises(TooLarge, match="send the tensor as binary data"):
        read(body)
    assert time.perf_counter() - start < 5


def test_memory_is_taken_for_what_json_becomes() -> None:
    body = b'{"inputs":[{"data":[%b0]}]}' % (b"[]," * 60_000)
    with pytest.raises(Overloaded):
        read(body, budget=5_000_000)
    with pytest.raises(BadRequest):
        read(body, budget=100_000_000)
