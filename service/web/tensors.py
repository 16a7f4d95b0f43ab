"""Tensors of the Open Inference Protocol -> photographs, and probabilities -> tensors.

What its two fronts, over REST and gRPC, share; neither HTTP nor protobuf is known here. The form
in bytes is the same in both: elements row by row, little-endian, and each element of BYTES after
its length in four bytes.
"""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from booth_client.errors import InvalidParameter, TooManyPhotos
from models.card import Card, Label
from service.engine.naming import first_labels
from service.photo.raw import raw_photo

__all__ = [
    "ENCODED",
    "EXTENSIONS",
    "PIXELS",
    "PLATFORM",
    "PROBABILITIES",
    "InputTensor",
    "ModelMetadata",
    "OutputTensor",
    "Parameter",
    "RequestedOutput",
    "TensorMetadata",
    "metadata_of",
    "outputs",
    "photographs",
    "requested_output",
    "timeout_s",
    "top_k",
]

Parameter: TypeAlias = str | int | float | bool

ENCODED = "image"  # the input of encoded photographs: BYTES [N] or [N, 1]
PIXELS = "photo"  # the input of decoded ones: UINT8 [N, H, W, 3]
PROBABILITIES = "probabilities"  # the output: FP32 [N, labels]

PLATFORM = "onnx_onnxv1"
EXTENSIONS = ("classification", "binary_tensor_data")

_MOST_LABELS = 1000
_MOST_SHOWN = 64  # characters of a stranger's name
_MOST_DIMENSIONS = 8  # that are shown
_CHANNELS = 3
_LENGTH = struct.Struct("<I")

_ANY = -1
_INPUTS = {ENCODED: "BYTES", PIXELS: "UINT8"}


@dataclass(frozen=True, slots=True)
class InputTensor:
    """An input of a request.

    Attributes:
        name: that the request gives it.
        datatype: as the protocol names it.
        shape: as the request says it.
        data: all of it in its form in bytes; or its elements, row by row: ``bytes`` of BYTES,
            whole numbers of all else.

    """

    name: str
    datatype: str
    shape: Sequence[int]
    data: bytes | memoryview | Sequence[bytes] | Sequence[int]


@dataclass(frozen=True, slots=True)
class RequestedOutput:
    """An output that a request asks for: the first ``classification`` labels; 0 for numbers."""

    name: str = PROBABILITIES
    classification: int = 0


@dataclass(frozen=True, slots=True)
class OutputTensor:
    """An output of an answer.

    Attributes:
        name: of the output.
        datatype: FP32, or BYTES of a classification.
        shape: N x labels, or N x the labels asked for.
        values: the probabilities, N x labels; or the labels' texts, row by row.

    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: NDArray[np.float32] | list[str]

    def raw(self) -> bytes:
        """Its form in bytes."""
        if isinstance(self.values, list):
            texts = [text.encode() for text in self.values]
            return b"".join(part for text in texts for part in (_LENGTH.pack(len(text)), text))
        return self.values.astype("<f4", copy=False).tobytes()

    def data(self) -> NDArray[np.float32] | list[str]:
        """Its elements, row by row, in one dimension."""
        return self.values if isinstance(self.values, list) else self.values.ravel()


@dataclass(frozen=True, slots=True)
class TensorMetadata:
    """What a model takes or gives; -1 in the ``shape`` stands for any number."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """What the protocol tells of a model."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]


def photographs(inputs: Sequence[InputTensor], max_photos: int) -> list[bytes]:
    """The photographs of a request: files as they came, pixels in a form that ``photo`` reads.

    They are copies; whoever calls has taken the memory for them, ``len`` of the data and a few
    bytes each.

    Args:
        inputs: of the request; one, by either name.
        max_photos: the most that it may hold.

    Raises:
        InvalidParameter: there are several inputs, none, or unknown ones; a datatype or a shape is
            another than the metadata say; or the data don't fit the shape.
        TooManyPhotos: there are too many.

    """
    if len(inputs) != 1:
        raise InvalidParameter(
            f"The request has {len(inputs)} inputs; send one: {ENCODED!r} or {PIXELS!r}."
        )
    (tensor,) = inputs
    _check(tensor)
    if tensor.shape[0] > max_photos:
        raise TooManyPhotos(
            f"The request holds too many photographs; send at most {max_photos} at once."
        )
    return _files(tensor) if tensor.name == ENCODED else _pixels(tensor)


def _check(tensor: InputTensor) -> None:
    """Look whether the name, the datatype and the shape are those of the metadata."""
    datatype = _INPUTS.get(tensor.name)
    if datatype is None:
        raise InvalidParameter(
            f"There is no input {tensor.name[:_MOST_SHOWN]!r}; there are {ENCODED!r} and "
            f"{PIXELS!r}."
        )
    if tensor.datatype != datatype:
        raise InvalidParameter(
            f"The input {tensor.name!r} is {datatype}, not {tensor.datatype[:_MOST_SHOWN]!r}; "
            f"encoded photographs are BYTES in {ENCODED!r}, pixels are UINT8 in {PIXELS!r}."
        )
    if not _fits(tensor.name, tensor.shape):
        wanted = "[N] or [N, 1]" if tensor.name == ENCODED else "[N, height, width, 3]"
        raise InvalidParameter(
            f"The input {tensor.name!r} has the shape {_shown(tensor.shape)}; it must be {wanted}, "
            "of at least one photograph."
        )


def _fits(name: str, shape: Sequence[int]) -> bool:
    if not shape or min(shape) < 1:
        return False
    if name == ENCODED:
        return tuple(shape[1:]) in ((), (1,))
    return len(shape) == 4 and shape[3] == _CHANNELS  # noqa: PLR2004 N, H, W and the channels


def _shown(shape: Sequence[int]) -> str:
    sides = [str(side)[:_MOST_SHOWN] for side in shape[:_MOST_DIMENSIONS]]
    return f"[{', '.join(sides)}{', ...' if len(shape) > _MOST_DIMENSIONS else ''}]"


def _files(tensor: InputTensor) -> list[bytes]:
    """The elements of BYTES."""
    count, data = tensor.shape[0], tensor.data
    if isinstance(data, bytes | memoryview):
        files = list(_elements(memoryview(data), count))
    else:
        files = [one for one in data if isinstance(one, bytes)]
    if len(files) != count:
        raise _no_fit(tensor, f"{len(files)} elements")
    return files


def _elements(data: memoryview, count: int) -> Iterator[bytes]:
    """Each element stands behind its length; no more are looked at than there should be."""
    at = 0
    for _ in range(count):
        start = at + _LENGTH.size
        (length,) = _LENGTH.unpack_from(data, at) if start <= len(data) else (len(data),)
        at = start + length
        if at > len(data):
            raise InvalidParameter(
                f"The data of {ENCODED!r} end within an element; before each stands its length, "
                "four bytes, little-endian."
            )
        yield bytes(data[start:at])
    if at != len(data):
        raise InvalidParameter(
            f"The data of {ENCODED!r} go on behind the last element; its shape says how many "
            "there are."
        )


def _pixels(tensor: InputTensor) -> list[bytes]:
    """The photographs of UINT8."""
    _, height, width, _ = tensor.shape
    data = memoryview(_levels(tensor))
    if len(data) != math.prod(tensor.shape):
        raise _no_fit(tensor, f"{len(data)} elements")
    size = height * width * _CHANNELS
    return [raw_photo(data[at : at + size], width, height) for at in range(0, len(data), size)]


def _levels(tensor: InputTensor) -> bytes | memoryview:
    if isinstance(tensor.data, bytes | memoryview):
        return tensor.data
    # To Python a truth value is a number as well.
    if bool not in set(map(type, tensor.data)):
        with contextlib.suppress(TypeError, ValueError):
            return bytes(tensor.data)  # type: ignore[arg-type]
    raise InvalidParameter(f"The data of {tensor.name!r} must be whole numbers from 0 to 255.")


def _no_fit(tensor: InputTensor, what: str) -> InvalidParameter:
    return InvalidParameter(
        f"The data of {tensor.name!r} are {what}, which don't fit the shape {_shown(tensor.shape)}."
    )


def requested_output(
    name: str, parameters: Mapping[str, Parameter], labels: int = 0
) -> RequestedOutput:
    """An output that is asked for.

    Args:
        name: of the output.
        parameters: its own: ``classification``; others say nothing here.
        labels: how many the request asks for, see ``top_k``, where the output itself doesn't.

    Raises:
        InvalidParameter: there is no such output, ``classification`` is no count of labels, or the
            answer is wanted in memory that client and server share.

    """
    if name != PROBABILITIES:
        raise InvalidParameter(
            f"There is no output {name[:_MOST_SHOWN]!r}; there is {PROBABILITIES!r}."
        )
    if "shared_memory_region" in parameters:
        raise InvalidParameter("There is no shared memory here; ask for the output in the answer.")
    return RequestedOutput(name, _count_of_labels(parameters, "classification") or labels)


def outputs(
    probabilities: NDArray[np.float32],
    labels: Sequence[Label],
    requested: Sequence[RequestedOutput],
) -> list[OutputTensor]:
    """The outputs of an answer.

    Args:
        probabilities: N x labels.
        labels: of the model.
        requested: what is asked for; in this order the outputs come.

    """
    return [
        _classified(probabilities, labels, one)
        if one.classification
        else OutputTensor(one.name, "FP32", probabilities.shape, probabilities)
        for one in requested
    ]


def _classified(
    probabilities: NDArray[np.float32], labels: Sequence[Label], requested: RequestedOutput
) -> OutputTensor:
    """The first labels of each photograph, as ``value:index:label``."""
    count = min(requested.classification, len(labels))
    texts = [
        f"{row[index]:.6f}:{index}:{labels[index].name}"
        for row in probabilities
        for index in first_labels(row, count)
    ]
    return OutputTensor(requested.name, "BYTES", (len(probabilities), count), texts)


def top_k(parameters: Mapping[str, Parameter]) -> int:
    """How many labels a request's own parameters ask for; 0 where they don't.

    It stands for the ``classification`` of outputs that have none.

    Raises:
        InvalidParameter: it is no whole number from 1 to 1000.

    """
    return _count_of_labels(parameters, "top_k")


def _count_of_labels(parameters: Mapping[str, Parameter], name: str) -> int:
    return _whole_number(parameters, name, _MOST_LABELS) or 0


def timeout_s(parameters: Mapping[str, Parameter], longest_s: float) -> float | None:
    """Seconds that a request's parameters allow; they say it in microseconds. None if they don't.

    Args:
        parameters: of the request.
        longest_s: the most that may be asked for.

    Raises:
        InvalidParameter: it is no whole number of microseconds, or too long.

    """
    microseconds = _whole_number(parameters, "timeout", round(longest_s * 1e6))
    return microseconds / 1e6 if microseconds else None


def _whole_number(parameters: Mapping[str, Parameter], name: str, most: int) -> int | None:
    """The value of a parameter from 1 to ``most``; None if it is not given, or 0.

    It may be in digits, since some clients know parameters as texts alone.
    """
    value = parameters.get(name)
    if value is None or (type(value) is int and value == 0):
        return None
    text = str(value)[:_MOST_SHOWN]
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= most:
        return int(text)
    raise InvalidParameter(f"{name} must be a whole number from 1 to {most}, not {text!r}.")


def metadata_of(card: Card, versions: Sequence[str]) -> ModelMetadata:
    """What the protocol tells of a model.

    Args:
        card: of the model.
        versions: of it, that are served.

    """
    return ModelMetadata(
        name=card.name,
        versions=tuple(versions),
        platform=PLATFORM,
        inputs=(
            TensorMetadata(ENCODED, _INPUTS[ENCODED], (_ANY,)),
            TensorMetadata(PIXELS, _INPUTS[PIXELS], (_ANY, _ANY, _ANY, _CHANNELS)),
        ),
        outputs=(TensorMetadata(PROBABILITIES, "FP32", (_ANY, len(card.labels))),),
    )
