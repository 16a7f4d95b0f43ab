"""Triton's own client over gRPC, unchanged, in an environment of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor

from service.grpc import messages
from tests.foreign import ask_python, foreign_python
from tests.servers import Serve, free_port
from tests.service.asking import RED
from tests.service.conftest import tiny_card, write_tiny

REQUIREMENTS = (
    "grpcio==1.85.3",
    "grpcio-health-checking==1.76.0",
    "ml-dtypes==0.5.4",
    "numpy==2.3.5",
    "protobuf==6.33.6",
    "packaging==26.4",
    "python-rapidjson==1.25",
    "tritonclient==2.73.0",
    "typing-extensions==4.16.0",
)

CALLS = """
import json, queue, sys
import grpc
import numpy as np
import tritonclient.grpc as triton
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tritonclient.utils import InferenceServerException

client = triton.InferenceServerClient(sys.argv[1])
photo = bytes.fromhex(sys.argv[2])
key = {"authorization": "Bearer secret"}


def tensor(name, array, datatype):
    given = triton.InferInput(name, array.shape, datatype)
    given.set_data_from_numpy(array)
    return given


def asked(given, wanted=None, **more):
    outputs = wanted and [triton.InferRequestedOutput("probabilities", class_count=wanted)]
    return client.infer("tiny", [given], outputs=outputs, headers=key, **more)


def error(call):
    try:
        call()
    except InferenceServerException as failure:
        return [failure.status(), failure.message()]


image = tensor("image", np.array([photo], dtype=object), "BYTES")
two = tensor("image", np.array([[photo], [photo]], dtype=object), "BYTES")
pixels = tensor("photo", np.full((1, 60, 80, 3), 127, np.uint8), "UINT8")
# Its 12 MB cannot even be sent within the millisecond to which a client rounds a time-out up.
large = tensor("photo", np.full((1, 2000, 2000, 3), 127, np.uint8), "UINT8")
later = queue.Queue()
client.async_infer(
    "tiny", [image], headers=key, callback=lambda result, error: later.put(error)
)
health = health_pb2_grpc.HealthStub(grpc.insecure_channel(sys.argv[1]))
everything = health_pb2.HealthCheckRequest(service="")
metadata = client.get_model_metadata("tiny", headers=key, as_json=True)
answer = {
    "live": client.is_server_live(),
    "ready": client.is_server_ready(),
    "model_ready": client.is_model_ready("tiny", headers=key),
    "other_ready": client.is_model_ready("other", headers=key),
    "server": client.get_server_metadata(headers=key).name,
    "model": metadata["outputs"][0],
    "index": client.get_model_repository_index(headers=key).models[0].name,
    "first": asked(image, 1).as_numpy("probabilities").tolist()[0][0].decode(),
    "two": list(asked(two, request_id="r1", client_timeout=30).as_numpy("probabilities").shape),
    "id": asked(image, request_id="r1").get_response().id,
    "pixels": float(asked(pixels).as_numpy("probabilities").sum()),
    "gzip": list(asked(image, compression_algorithm="gzip").as_numpy("probabilities").shape),
    "parameters": list(asked(image, parameters={"top_k": 3}).as_numpy("probabilities").shape),
    "no key": error(lambda: client.infer("tiny", [image])),
    "no model": error(lambda: client.infer("other", [image], headers=key)),
    "no time": error(lambda: asked(large, client_timeout=1e-9))[0],
    "config": error(lambda: client.get_model_config("tiny", headers=key))[0],
    "async": later.get(timeout=30),
    "check": health_pb2.HealthCheckResponse.ServingStatus.Name(health.Check(everything).status),
    "watch": next(health.Watch(everything)).status,
}
print(json.dumps(answer))
"""

DESCRIBED = """
import json
from grpc_health.v1 import health_pb2
from tritonclient.grpc import service_pb2

def fields(message):
    for one in message.fields:
        yield [message.full_name, one.name, one.number, one.type, one.is_repeated]
    for inner in message.nested_types:
        yield from fields(inner)

files = service_pb2.DESCRIPTOR, health_pb2.DESCRIPTOR
messages = [one for file in files for one in file.message_types_by_name.values()]
print(json.dumps([one for message in messages for one in fields(message)]))
"""


@pytest.fixture(scope="module")
def triton() -> Path:
    return foreign_python(*REQUIREMENTS)


@pytest.fixture(scope="module")
def answer(triton: Path, serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Any:
    port, model = free_port(), tmp_path_factory.mktemp("models") / "tiny.onnx"
    with serve(models=write_tiny(model, tiny_card()), grpc_port=port, api_keys="secret"):
        return ask_python(triton, CALLS, f"127.0.0.1:{port}", RED.hex())


def test_all_calls_are_answered(answer: Any) -> None:
    first = answer.pop("first")
    assert first.endswith(":0:Red")
    assert 0.9 < float(first.partition(":")[0]) <= 1
    assert answer.pop("pixels") == pytest.approx(1, abs=1e-5)
    sentence = "Send a valid key: `Authorization: Bearer <key>`."
    assert answer == {
        "live": True,
        "ready": True,
        "model_ready": True,
        "other_ready": False,
        "server": "booth",
        "model": {"name": "probabilities", "datatype": "FP32", "shape": ["-1", "3"]},
        "index": "tiny",
        "two": [2, 3],
        "id": "r1",
        "gzip": [1, 3],
        "parameters": [1, 3],
        "no key": ["StatusCode.UNAUTHENTICATED", sentence],
        "no model": ["StatusCode.NOT_FOUND", "There is no model 'other'; there is: tiny."],
        "no time": "StatusCode.DEADLINE_EXCEEDED",
        "config": "StatusCode.UNIMPLEMENTED",
        "async": None,
        "check": "SERVING",
        "watch": 1,
    }


def test_our_messages_are_part_of_those_of_the_protocol(triton: Path) -> None:
    """By their names, numbers and types; the health's status is an enumeration, as its number."""
    theirs = {tuple(one) for one in ask_python(triton, DESCRIBED)}
    enumeration, number = FieldDescriptor.TYPE_ENUM, FieldDescriptor.TYPE_INT32
    as_numbers = {(*one[:3], number if one[3] == enumeration else one[3], one[4]) for one in theirs}
    ours = set(fields(messages.inference["ModelInferRequest"].DESCRIPTOR.file))
    ours |= set(fields(messages.health["HealthCheckRequest"].DESCRIPTOR.file))
    assert len(ours) > 60
    assert ours - as_numbers == set()


def fields(described: Any) -> Iterator[tuple[str, str, int, int, bool]]:
    """All fields of the messages of a file."""
    waiting = list(described.message_types_by_name.values())
    while waiting:
        message = waiting.pop()
        waiting.extend(message.nested_types)
        for one in message.fields:
            yield message.full_name, one.name, one.number, one.type, one.is_repeated
