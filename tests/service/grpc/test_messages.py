"""The messages of both services, made of their description."""

from __future__ import annotations

import pytest

from service.grpc.messages import health, inference


def test_a_message_has_the_bytes_that_its_numbers_say() -> None:
    request = inference["ModelInferRequest"](model_name="m", id="r", raw_input_contents=[b"\xff"])
    assert request.SerializeToString() == b"\x0a\x01m\x1a\x01r\x3a\x01\xff"
    assert health["HealthCheckResponse"](status=1).SerializeToString() == b"\x08\x01"


def test_what_is_inside_a_message_comes_back() -> None:
    kind = inference["ModelInferRequest"]
    request = kind()
    request.parameters["timeout"].int64_param = 5
    tensor = request.inputs.add(name="image", datatype="BYTES", shape=[1])
    tensor.contents.bytes_contents.append(b"photo")
    again = kind.FromString(request.SerializeToString())
    assert again == request
    assert again.parameters["timeout"].WhichOneof("choice") == "int64_param"
    assert list(again.inputs[0].contents.bytes_contents) == [b"photo"]


def test_the_alternatives_of_a_parameter_exclude_each_other() -> None:
    parameter = inference["InferParameter"](bool_param=True)
    parameter.string_param = "yes"
    assert not parameter.bool_param
    assert parameter.WhichOneof("choice") == "string_param"


def test_what_is_not_described_is_passed_over() -> None:
    index = inference["RepositoryIndexResponse"](models=[{"name": "m", "state": "READY"}])
    unknown = b"\x7a\x03abc"
    assert (
        inference["RepositoryIndexResponse"]
        .FromString(index.SerializeToString() + unknown)
        .models[0]
        == index.models[0]
    )
    with pytest.raises(KeyError):
        inference["ModelStreamInferResponse"]
