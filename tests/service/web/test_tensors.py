"""Tensors of the Open Inference Protocol: what is taken, what is refused, what comes back."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from booth_client.errors import InvalidParameter, TooManyPhotos
from service.photo.raw import raw_photo
from service.web.tensors import (
    InputTensor,
    RequestedOutput,
    metadata_of,
    outputs,
    photographs,
    requested_output,
    timeout_s,
    top_k,
)
from tests.service.conftest import tiny_card

TWO = b"\x03\0\0\0abc\x02\0\0\0de"
ROWS = np.array([[0.5, 0.2, 0.3], [0.15, 0.8, 0.05]], np.float32)


def image(shape: list[int], data: Any, datatype: str = "BYTES") -> InputTensor:
    return InputTensor("image", datatype, shape, data)


def photo(shape: list[int], data: Any, datatype: str = "UINT8") -> InputTensor:
    return InputTensor("photo", datatype, shape, data)


@pytest.mark.parametrize("shape", [[2], [2, 1]])
@pytest.mark.parametrize("data", [TWO, memoryview(TWO), [b"abc", b"de"]])
def test_encoded_photographs(shape: list[int], data: Any) -> None:
    assert photographs([image(shape, data)], 2) == [b"abc", b"de"]


@pytest.mark.parametrize("data", [bytes(range(24)), memoryview(bytes(range(24))), list(range(24))])
def test_pixels(data: Any) -> None:
    first, second = photographs([photo([2, 2, 2, 3], data)], 2)
    assert first == raw_photo(bytes(range(12)), 2, 2)
    assert second == raw_photo(bytes(range(12, 24)), 2, 2)


@pytest.mark.parametrize(
    ("tensor", "sentence"),
    [
        (InputTensor("input", "BYTES", [2], TWO), "There is no input 'input'"),
        (image([2], TWO, "UINT8"), "is BYTES, not 'UINT8'"),
        (photo([1, 1, 1, 3], b"abc", "FP32"), "is UINT8, not 'FP32'"),
        (image([], TWO), r"the shape \[\]"),
        (image([0], b""), r"the shape \[0\]"),
        (image([-2], TWO), r"the shape \[-2\]"),
        (image([1, 2], TWO), r"the shape \[1, 2\]"),
        (image([2, 1, 1], TWO), r"the shape \[2, 1, 1\]"),
        (image([1], TWO), "go on behind the last element"),
        (image([3], TWO), "end within an element"),
        (image([2], TWO[:-1]), "end within an element"),
        (image([2], TWO[:9]), "end within an element"),
        (image([1], b""), "end within an element"),
        (image([1], struct.pack("<I", 2**32 - 1)), "end within an element"),
        (image([2], [b"abc"]), r"1 elements, which don't fit the shape \[2\]"),
        (image([1], [7]), "0 elements"),
        (photo([2, 2, 3], bytes(12)), r"the shape \[2, 2, 3\]"),
        (photo([1, 2, 2, 4], bytes(16)), r"the shape \[1, 2, 2, 4\]"),
        (photo([1, 0, 2, 3], b""), r"the shape \[1, 0, 2, 3\]"),
        (photo([1, -2, -2, 3], bytes(12)), r"the shape \[1, -2, -2, 3\]"),
        (photo([1, 2, 2, 3], bytes(11)), "11 elements, which don't fit"),
        (photo([1, 2**40, 2**40, 3], bytes(12)), "12 elements, which don't fit"),
        (photo([1, 1, 1, 3], [0, 0, 256]), "whole numbers from 0 to 255"),
        (photo([1, 1, 1, 3], [0, 0, -1]), "whole numbers from 0 to 255"),
        (photo([1, 1, 1, 3], [0, 0, 1.5]), "whole numbers from 0 to 255"),
        (photo([1, 1, 1, 3], [0, 0, True]), "whole numbers from 0 to 255"),
        (photo([1, 1, 1, 3], [False, 0, 1]), "whole numbers from 0 to 255"),
        (photo([1, 1, 1, 3], [0, 0, "1"]), "whole numbers from 0 to 255"),
        (image([10**100] * 50, TWO), r"\.\.\.\]"),
    ],
)
def test_what_does_not_fit_is_refused(tensor: InputTensor, sentence: str) -> None:
    with pytest.raises(InvalidParameter, match=sentence) as error:
        photographs([tensor], 4)
    assert len(str(error.value)) < 900


def test_there_is_one_input() -> None:
    for inputs in ([], [image([2], TWO), photo([1, 1, 1, 3], bytes(3))]):
        with pytest.raises(InvalidParameter, match=f"has {len(inputs)} inputs; send one"):
            photographs(inputs, 4)


@pytest.mark.parametrize("tensor", [image([3], TWO), photo([2**60, 1, 1, 3], b"abc")])
def test_photographs_are_bounded_before_they_are_looked_at(tensor: InputTensor) -> None:
    with pytest.raises(TooManyPhotos):
        photographs([tensor], 2)


def test_probabilities_as_they_are() -> None:
    (output,) = outputs(ROWS, tiny_card().labels, [RequestedOutput()])
    assert (output.name, output.datatype, output.shape) == ("probabilities", "FP32", (2, 3))
    assert output.raw() == struct.pack("<6f", *ROWS.ravel())
    np.testing.assert_array_equal(output.data(), ROWS.ravel())


def test_a_classification() -> None:
    asked = [requested_output("probabilities", {"classification": 2, "binary_data": True})]
    (output,) = outputs(ROWS, tiny_card().labels, asked)
    assert (output.datatype, output.shape) == ("BYTES", (2, 2))
    texts = ["0.500000:0:Red", "0.300000:2:Blue", "0.800000:1:Green", "0.150000:0:Red"]
    assert output.data() == texts
    assert output.raw() == b"".join(struct.pack("<I", len(t)) + t.encode() for t in texts)


def test_no_more_labels_than_there_are() -> None:
    (output,) = outputs(ROWS, tiny_card().labels, [RequestedOutput(classification=1000)])
    assert output.shape == (2, 3)


@pytest.mark.parametrize("value", [-1, 1001, 1.5, 0.0, True, False, "two", "-1", "9" * 5000, [2]])
def test_what_is_no_count_of_labels_is_refused(value: Any) -> None:
    for ask in (
        lambda: requested_output("probabilities", {"classification": value}),
        lambda: top_k({"top_k": value}),
    ):
        with pytest.raises(InvalidParameter, match="must be a whole number from 1 to 1000"):
            ask()


def test_an_unknown_output_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="There is no output 'scores'"):
        requested_output("scores", {})


def test_parameters_of_a_request() -> None:
    given: dict[str, Any] = {"top_k": "3", "timeout": 1500, "priority": 1, "mine": "free"}
    assert top_k(given) == 3
    assert timeout_s(given, 60) == 0.0015
    assert top_k({}) == 0
    assert timeout_s({"timeout": 0}, 60) is None
    with pytest.raises(InvalidParameter, match="timeout must be a whole number from 1 to 60000000"):
        timeout_s({"timeout": 60_000_001}, 60)


def test_the_metadata_of_a_model() -> None:
    told = metadata_of(tiny_card(), ["1", "2"])
    assert (told.name, told.versions, told.platform) == ("tiny", ("1", "2"), "onnx_onnxv1")
    assert [(one.name, one.datatype, one.shape) for one in told.inputs] == [
        ("image", "BYTES", (-1,)),
        ("photo", "UINT8", (-1, -1, -1, 3)),
    ]
    assert [(one.name, one.datatype, one.shape) for one in told.outputs] == [
        ("probabilities", "FP32", (-1, 3))
    ]
