"""The methods of the Open Inference Protocol over gRPC, on a real socket."""

from __future__ import annotations

import threading
from typing import Any

import grpc
import numpy as np
import pytest

from service.grpc.messages import INFERENCE_SERVICE, inference
from tests.service.asking import BLUE, RED, replace_network, samples
from tests.service.grpc.calling import Client, asking_for, framed, refused
from tests.service.grpc.conftest import Speak
from tests.waiting import eventually

Code = grpc.StatusCode


def numbers(response: Any) -> Any:
    """The probabilities of an answer."""
    (output,) = response.outputs
    assert (output.name, output.datatype) == ("probabilities", "FP32")
    return np.frombuffer(response.raw_output_contents[0], "<f4").reshape(output.shape)


def texts(response: Any) -> list[bytes]:
    """The labels of an answer."""
    (data,) = response.raw_output_contents
    found = []
    while data:
        length = int.from_bytes(data[:4], "little")
        found.append(data[4 : 4 + length])
        data = data[4 + length :]
    return found


def test_a_photograph_gets_the_probabilities_of_all_labels(client: Client) -> None:
    response, trailing = client.infer(RED, id="r1", metadata=[("x-request-id", "mine")])
    assert (response.model_name, response.model_version, response.id) == ("tiny", "1", "r1")
    assert numbers(response).shape == (1, 3)
    assert numbers(response)[0].argmax() == 0
    assert numbers(response).sum() == pytest.approx(1, abs=1e-5)
    assert trailing["x-request-id"] == "mine"


def test_several_photographs_are_answered_in_their_order(client: Client) -> None:
    response, _ = client.infer(RED, BLUE, RED, model_name="tiny", model_version="1")
    assert numbers(response).argmax(1).tolist() == [0, 2, 0]


@pytest.mark.parametrize(
    "asks",
    [
        {
            "outputs": [
                {"name": "probabilities", "parameters": {"classification": {"int64_param": 2}}}
            ]
        },
        {"parameters": {"top_k": {"int64_param": 2}}},
        {"parameters": {"top_k": {"string_param": "2"}, "empty": {}}},
        {"outputs": [{"name": "probabilities"}], "parameters": {"top_k": {"uint64_param": 2}}},
    ],
)
def test_the_first_labels_alone(client: Client, asks: dict[str, Any]) -> None:
    response, _ = client.infer(RED, BLUE, **asks)
    assert (response.outputs[0].datatype, list(response.outputs[0].shape)) == ("BYTES", [2, 2])
    first, _, third, _ = texts(response)
    assert first.endswith(b":0:Red")
    assert third.endswith(b":2:Blue")


def test_contents_do_as_well(client: Client) -> None:
    contents = {"bytes_contents": [RED, BLUE]}
    tensor = {"name": "image", "datatype": "BYTES", "shape": [2, 1], "contents": contents}
    sent = inference["ModelInferRequest"](inputs=[tensor]).SerializeToString()
    response = inference["ModelInferResponse"].FromString(client.raw(sent))
    assert numbers(response).argmax(1).tolist() == [0, 2]


@pytest.mark.parametrize("is_raw", [True, False])
def test_pixels_are_a_photograph(client: Client, is_raw: bool) -> None:
    pixels = np.zeros((1, 6, 5, 3), np.uint8)
    pixels[..., 2] = 200
    tensor: dict[str, Any] = {"name": "photo", "datatype": "UINT8", "shape": pixels.shape}
    request: dict[str, Any] = {"inputs": [tensor]}
    if is_raw:
        request["raw_input_contents"] = [pixels.tobytes()]
    else:
        tensor["contents"] = {"uint_contents": pixels.ravel().tolist()}
    sent = inference["ModelInferRequest"](**request).SerializeToString()
    assert numbers(inference["ModelInferResponse"].FromString(client.raw(sent))).argmax() == 2


def both() -> bytes:
    request = asking_for(RED)
    request.inputs[0].contents.bytes_contents.append(RED)
    message: bytes = request.SerializeToString()
    return message


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (both(), "either in raw_input_contents"),
        (asking_for(RED, raw_input_contents=[]).SerializeToString(), "0 elements"),
        (asking_for(RED, raw_input_contents=[framed(RED)] * 2).SerializeToString(), "one for each"),
        (asking_for(RED, id="r" * 1025).SerializeToString(), "id is longer than 1024"),
        (asking_for(RED, outputs=[{"name": "probabilities"}] * 2).SerializeToString(), "2 outputs"),
        (asking_for(RED, outputs=[{"name": "logits"}]).SerializeToString(), "no output 'logits'"),
        (asking_for(RED, parameters={"top_k": {"int64_param": -1}}).SerializeToString(), "top_k"),
        (asking_for(RED, parameters={"timeout": {"int64_param": -1}}).SerializeToString(), "time"),
        (asking_for(b"no photo").SerializeToString(), "This is text"),
        (b"\x0a\x02\xff\xfe", "malformed"),
        (b"", "0 inputs"),
    ],
)  # fmt: skip
def test_what_a_request_can_not_be(client: Client, message: bytes, says: str) -> None:
    assert says in refused(Code.INVALID_ARGUMENT, lambda: client.raw(message))


def test_limits_are_those_of_classify(client: Client) -> None:
    sentence = refused(Code.INVALID_ARGUMENT, lambda: client.infer(*[RED] * 5))
    assert "at most 4" in sentence
    refused(Code.RESOURCE_EXHAUSTED, lambda: client.infer(bytes(300_001)))
    unknown = refused(Code.NOT_FOUND, lambda: client.infer(RED, model_name="other"))
    assert unknown == "There is no model 'other'; there is: tiny."
    refused(Code.NOT_FOUND, lambda: client.infer(RED, model_version="9"))


def test_one_bad_photograph_is_the_error_of_all(client: Client) -> None:
    refused(Code.INVALID_ARGUMENT, lambda: client.infer(RED, b"no photo", BLUE))


def test_what_the_service_tells_of_itself(client: Client) -> None:
    assert client.ask("ServerLive").live
    assert client.ask("ServerReady").ready
    told = client.ask("ServerMetadata")
    assert told.name == "booth"
    assert list(told.extensions) == ["classification", "binary_tensor_data"]
    assert client.ask("ModelReady", name="tiny", version="1").ready
    assert not client.ask("ModelReady", name="tiny", version="2").ready
    assert not client.ask("ModelReady", name="other").ready


def test_what_it_tells_of_a_model(client: Client) -> None:
    told = client.ask("ModelMetadata", name="tiny")
    assert (told.name, list(told.versions), told.platform) == ("tiny", ["1"], "onnx_onnxv1")
    tensors = [(one.name, one.datatype, list(one.shape)) for one in (*told.inputs, *told.outputs)]
    assert tensors == [
        ("image", "BYTES", [-1]),
        ("photo", "UINT8", [-1, -1, -1, 3]),
        ("probabilities", "FP32", [-1, 3]),
    ]
    (one,) = client.ask("RepositoryIndex").models
    assert (one.name, one.version, one.state) == ("tiny", "1", "READY")
    refused(Code.NOT_FOUND, lambda: client.ask("ModelMetadata", name="other"))
    path = f"{INFERENCE_SERVICE}/ModelMetadata"
    refused(Code.INVALID_ARGUMENT, lambda: client.raw(b"\x0a\x02\xff\xfe", path))


def test_all_else_is_unimplemented(client: Client) -> None:
    for method in (f"{INFERENCE_SERVICE}/ModelConfig", "some.Service/Method"):
        refused(Code.UNIMPLEMENTED, lambda method=method: client.raw(b"", method))  # type: ignore[misc]


def test_it_counts_as_what_asks_for_labels(speak: Speak, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "booth.access")
    with speak() as (inside, client):
        client.infer(RED, BLUE)
        refused(Code.INVALID_ARGUMENT, lambda: client.infer(b"no photo"))
        client.ask("ServerReady")
        path = f"/{INFERENCE_SERVICE}/ModelInfer"
        lines = eventually(lambda: caplog.messages, lambda seen: len(seen) == 2)
        assert [line.rsplit(" ", 2)[0] for line in lines] == [
            f"POST {path} 200",
            f"POST {path} 415",
        ]
        seen = samples(inside.url)
        requests = {
            outcome: seen[f'booth_requests_total{{model="tiny",outcome="{outcome}"}}']
            for outcome in ("ok", "unsupported_format")
        }
        assert requests == {"ok": 1, "unsupported_format": 1}
        assert seen['booth_images_total{model="tiny"}'] == 2
        assert inside.state.memory.held == 0


def test_a_known_answer_is_given_again(speak: Speak) -> None:
    with speak(cache_bytes=1_000_000) as (inside, client):
        first, second = (client.infer(RED)[0] for _ in range(2))
        assert first == second
        assert samples(inside.url)['booth_cache_lookups_total{model="tiny",result="hit"}'] == 1


def test_who_waits_too_short_and_who_goes(speak: Speak) -> None:
    with speak(queue_size=8) as (inside, client):
        batcher = inside.state.fleet.get("tiny").classifier.batcher
        gate, run = threading.Event(), batcher._run

        def gated(*photos: Any) -> Any:
            assert gate.wait(10)
            return run(*photos)

        replace_network(inside.state.fleet.get("tiny").classifier, gated)
        goes = client.channel.unary_unary(f"/{INFERENCE_SERVICE}/ModelInfer").future(
            asking_for(RED).SerializeToString()
        )
        eventually(lambda: inside.state.memory.held == len(RED))
        refused(Code.DEADLINE_EXCEEDED, lambda: client.infer(BLUE, timeout=0.1))
        goes.cancel()
        eventually(lambda: inside.state.memory.held == 0)
        gate.set()
        client.infer(BLUE)
        counted = {name: n for name, n in samples(inside.url).items() if "requests_total" in name}
        assert counted.pop('booth_requests_total{model="tiny",outcome="ok"}') == 1
        assert counted.pop('booth_requests_total{model="tiny",outcome="cancelled"}') >= 1
        assert set(counted) <= {'booth_requests_total{model="tiny",outcome="deadline"}'}
