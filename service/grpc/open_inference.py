"""``inference.GRPCInferenceService``: the methods of the Open Inference Protocol."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError, Message
from grpc import RpcMethodHandler
from numpy.typing import NDArray

from booth_client.errors import (
    BoothError,
    DeadlineExceeded,
    InvalidParameter,
    Starting,
    UnknownModel,
    UnknownVersion,
)
from service.api.answering import Answering, Photographs
from service.api.openapi.parameters import MOST_TIMEOUT_MS
from service.engine.batcher import TOO_LATE
from service.fleet.fleet import LoadedModel
from service.grpc.calls import Answer, Call, Calls
from service.grpc.messages import INFERENCE_SERVICE, inference
from service.grpc.reading import Reading
from service.grpc.wire import numbers_in
from service.memory import Reservation
from service.telemetry.record import Stage
from service.web import tensors
from service.web.body import apart
from service.web.scope import client_of, record_of
from service.web.state import ServiceState

__all__ = ["handlers"]

_LONGEST_S = MOST_TIMEOUT_MS / 1000
_MOST_ID = 1024  # characters

# What a message and what is made of it hold together for a moment: the message itself, parsed, the
# data of its input, and the photographs. Numbers take eight bytes each in two of these.
_COPIES = 4
_BYTES_A_NUMBER = 16


def handlers(
    state: ServiceState, answering: Answering, calls: Calls, reading: Reading
) -> dict[str, RpcMethodHandler]:
    """The handlers of the service's methods, by name; all others are unimplemented."""
    front = _Front(state, answering, reading)
    answers: dict[str, Answer] = {
        "ServerLive": front.server_live,
        "ServerReady": front.server_ready,
        "ServerMetadata": front.server_metadata,
        "ModelReady": front.model_ready,
        "ModelMetadata": front.model_metadata,
        "RepositoryIndex": front.repository_index,
        "ModelInfer": front.model_infer,
    }
    return {
        name: calls.handler(f"/{INFERENCE_SERVICE}/{name}", answer, classifies=name == "ModelInfer")
        for name, answer in answers.items()
    }


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a ModelInferRequest asks for, but for its photographs."""

    model: str | None
    version: str | None
    id: str
    outputs: list[tensors.RequestedOutput]
    timeout_s: float | None


class _Front:
    def __init__(self, state: ServiceState, answering: Answering, reading: Reading) -> None:
        self._state = state
        self._answering = answering
        self._reading = reading

    async def server_live(self, _call: Call) -> bytes:
        """Whether the service can still become or stay ready."""
        return _bytes("ServerLiveResponse", live=self._state.fatal is None)

    async def server_ready(self, _call: Call) -> bytes:
        """Whether traffic is welcome."""
        return _bytes("ServerReadyResponse", ready=self._state.not_ready() is None)

    async def server_metadata(self, _call: Call) -> bytes:
        """What this service is."""
        return _bytes(
            "ServerMetadataResponse",
            name="booth",
            version=version("booth"),
            extensions=tensors.EXTENSIONS,
        )

    async def model_ready(self, call: Call) -> bytes:
        """Whether a model answers; one that is not there does not."""
        request = await self._request(call, "ModelReadyRequest")
        try:
            self._state.model(request.name, request.version or None)
        except (Starting, UnknownModel, UnknownVersion):
            return _bytes("ModelReadyResponse", ready=False)
        return _bytes("ModelReadyResponse", ready=self._state.not_ready() is None)

    async def model_metadata(self, call: Call) -> bytes:
        """What a model takes and gives."""
        request = await self._request(call, "ModelMetadataRequest")
        card = self._state.model(request.name, request.version or None).card
        told = tensors.metadata_of(card, list(self._state.fleet.versions(card.name)))
        return _bytes(
            "ModelMetadataResponse",
            name=told.name,
            versions=told.versions,
            platform=told.platform,
            inputs=[_tensor(one) for one in told.inputs],
            outputs=[_tensor(one) for one in told.outputs],
        )

    async def repository_index(self, _call: Call) -> bytes:
        """The models that are loaded."""
        cards = [one.card for one in self._state.fleet.loaded()]
        return _bytes(
            "RepositoryIndexResponse",
            models=[{"name": c.name, "version": c.version, "state": "READY"} for c in cards],
        )

    async def model_infer(self, call: Call) -> bytes:
        """Label the photographs of a request."""
        left_s, connection = call.seconds_left(_LONGEST_S), call.connection
        if left_s == 0:
            raise DeadlineExceeded(TOO_LATE)
        self._answering.refuse_early(connection, None, None, left_s)
        with self._state.memory.reserve(0, client_of(connection.scope)) as reservation:
            start = time.perf_counter()
            message = await self._reading.message(call.context, reservation)
            most = self._state.settings.max_photos
            asked, photos = await apart(
                reservation.client, len(message), _parsed, message, most, reservation
            )
            self._answering.received(connection, len(message), len(photos), start)
            del message
            with Photographs(photos, True, {}, reservation):
                model = self._answering.model(connection, asked.model, asked.version)
                found = await self._answering.probabilities(
                    connection, model, photos, _sooner(asked.timeout_s, left_s)
                )
        return _rendered(call, model, asked, _all_of(found))

    async def _request(self, call: Call, name: str) -> Any:
        """The message of a call."""
        with self._state.memory.reserve(0, client_of(call.connection.scope)) as reservation:
            return _message(name, await self._reading.short(call.context, reservation))


def _parsed(
    message: bytes, max_photos: int, reservation: Reservation
) -> tuple[_Asked, list[bytes]]:
    """What a message asks for, and its photographs, whose memory alone is kept."""
    numbers = numbers_in(message, max_photos)
    reservation.resize(_COPIES * len(message) + _BYTES_A_NUMBER * numbers)
    request = _message("ModelInferRequest", message)
    if len(request.id) > _MOST_ID:
        raise InvalidParameter(f"The id is longer than {_MOST_ID} characters; send a shorter one.")
    parameters = _parameters(request.parameters)
    asked = _Asked(
        request.model_name or None,
        request.model_version or None,
        request.id,
        _outputs(request.outputs, tensors.top_k(parameters)),
        tensors.timeout_s(parameters, _LONGEST_S),
    )
    photos = tensors.photographs(_inputs(request), max_photos)
    reservation.resize(sum(map(len, photos)))
    return asked, photos


def _inputs(request: Any) -> list[tensors.InputTensor]:
    raw = request.raw_input_contents
    if raw and (len(raw) != len(request.inputs) or any(map(_has_contents, request.inputs))):
        raise InvalidParameter(
            "The data of all inputs must stand either in raw_input_contents, one for each input in "
            "their order, or in their contents."
        )
    return [
        tensors.InputTensor(
            one.name, one.datatype, list(one.shape), raw[index] if raw else _data(one)
        )
        for index, one in enumerate(request.inputs)
    ]


def _has_contents(tensor: Any) -> bool:
    return bool(tensor.HasField("contents"))


def _data(tensor: Any) -> Sequence[bytes] | Sequence[int]:
    """The elements in the field that is meant for their datatype."""
    contents = tensor.contents
    return list(contents.bytes_contents if tensor.datatype == "BYTES" else contents.uint_contents)


def _outputs(given: Any, top_k: int) -> list[tensors.RequestedOutput]:
    """The outputs that are asked for; the first labels of those that say nothing of it."""
    if len(given) > 1:
        raise InvalidParameter(
            f"The request asks for {len(given)} outputs; there is one, {tensors.PROBABILITIES!r}."
        )
    asked = [tensors.requested_output(one.name, _parameters(one.parameters)) for one in given]
    return [
        one if one.classification else replace(one, classification=top_k)
        for one in asked or [tensors.RequestedOutput()]
    ]


def _parameters(given: Any) -> dict[str, tensors.Parameter]:
    """Parameters by name; those without a value are left out."""
    chosen = {name: (value, value.WhichOneof("choice")) for name, value in given.items()}
    return {name: getattr(value, kind) for name, (value, kind) in chosen.items() if kind}


def _sooner(one: float | None, other: float | None) -> float | None:
    return min((seconds for seconds in (one, other) if seconds is not None), default=None)


def _all_of(found: Sequence[NDArray[np.float32] | BoothError]) -> NDArray[np.float32]:
    """All answers; the protocol knows one error for all of a request.

    Raises:
        BoothError: what went wrong with the first that has none.

    """
    for one in found:
        if isinstance(one, BoothError):
            raise one
    return np.stack([one for one in found if not isinstance(one, BoothError)])


def _rendered(
    call: Call, model: LoadedModel, asked: _Asked, probabilities: NDArray[np.float32]
) -> bytes:
    start = time.perf_counter()
    outputs = tensors.outputs(probabilities, model.card.labels, asked.outputs)
    answer = _bytes(
        "ModelInferResponse",
        model_name=model.card.name,
        model_version=model.card.version,
        id=asked.id,
        outputs=[_tensor(one) for one in outputs],
        raw_output_contents=[one.raw() for one in outputs],
    )
    took_s = time.perf_counter() - start
    record_of(call.connection.scope).answer_stage = Stage("answer", start, took_s)
    return answer


def _tensor(one: tensors.TensorMetadata | tensors.OutputTensor) -> dict[str, Any]:
    return {"name": one.name, "datatype": one.datatype, "shape": one.shape}


def _bytes(name: str, /, **fields: Any) -> bytes:
    """A message as it is sent."""
    message: bytes = inference[name](**fields).SerializeToString()
    return message


def _message(name: str, sent: bytes) -> Any:
    """A message that was sent.

    Raises:
        InvalidParameter: it is none of that name.

    """
    try:
        message: Message = inference[name].FromString(sent)
    except DecodeError:
        raise InvalidParameter(
            f"The message is malformed; it must be an inference.{name}."
        ) from None
    return message
