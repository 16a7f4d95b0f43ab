"""KServe's REST client of the Open Inference Protocol, unchanged: all that it can ask here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.foreign import ask_python, foreign_python
from tests.servers import serving_inside
from tests.service.asking import BLUE, RED
from tests.service.conftest import tiny_card, write_tiny

# What its REST client imports. KServe's own package imports a client of Kubernetes and a server at
# once, which are left out: the script goes around that one file.
PACKAGES = (
    *("kserve==0.21.0", "httpx==0.28.1", "httpcore==1.0.9", "h11==0.16.0", "anyio==4.16.0"),
    *("idna==3.20", "certifi==2026.10.18", "orjson==3.13.0", "numpy==2.4.6", "pandas==2.3.3"),
    *("python-dateutil==2.9.0.post0", "pytz==2026.6", "tzdata==2026.6", "six==1.17.0"),
    *("grpcio==1.85.3", "protobuf==6.33.6", "PyYAML==6.0.3", "psutil==5.9.8"),
    *("fastapi==0.165.0", "starlette==1.10.0", "pydantic==2.14.3", "pydantic-core==2.50.4"),
    *("annotated-types==0.8.0", "typing-extensions==4.16.0", "typing-inspection==0.4.5"),
    *(
        "annotated-doc==0.0.7",
        "opentelemetry-api==1.45.2",
        "cloudevents==1.12.0",
        "deprecation==2.1.0",
        "packaging==26.3",
    ),
)

SCRIPT = """
import asyncio, base64, json, sys, types
from importlib.metadata import distribution

package = types.ModuleType("kserve")
package.__path__ = [str(distribution("kserve").locate_file("kserve"))]
sys.modules["kserve"] = package

import httpx
import numpy as np
from kserve.inference_client import InferenceRESTClient, RESTConfig
from kserve.protocol.infer_type import InferInput, InferRequest

url, red, blue = sys.argv[1:]
photos = [open(path, "rb").read() for path in (red, blue)]
client = InferenceRESTClient(RESTConfig(protocol="v2"))
KEY = {"authorization": "Bearer secret"}

async def infer(*inputs, model="tiny", **more):
    request = InferRequest(model_name=model, infer_inputs=list(inputs), **more)
    answer = await client.infer(url, request, model_name=model, headers=dict(KEY))
    (output,) = answer.outputs
    return [answer.model_name, output.shape, output.datatype, output.as_numpy().tolist()]

def image(binary):
    tensor = InferInput("image", [2], "BYTES")
    if binary:
        tensor.set_data_from_numpy(np.array(photos, dtype=object), binary_data=True)
    else:
        tensor.data = [base64.b64encode(one).decode() for one in photos]
    return tensor

def pixels(binary):
    tensor = InferInput("photo", [1, 2, 2, 3], "UINT8")
    tensor.set_data_from_numpy(np.full((1, 2, 2, 3), [0, 0, 255], np.uint8), binary_data=binary)
    return tensor

async def refused(asking):
    try:
        await asking
    except httpx.HTTPStatusError as error:
        return [error.response.status_code, str(error)]

async def main():
    print(json.dumps({
        "live": await client.is_server_live(url),
        "ready": await client.is_server_ready(url),
        "model_ready": [await client.is_model_ready(url, one, headers=KEY)
                        for one in ("tiny", "none")],
        "image": [await infer(image(binary)) for binary in (True, False)],
        "pixels": [await infer(pixels(binary)) for binary in (True, False)],
        "parameters": await infer(image(True), parameters={"top_k": 1}),
        "unknown": await refused(infer(image(True), model="none")),
        "no_photo": await refused(infer(image(True), pixels(True))),
        "no_key": await refused(client.infer(url, {"inputs": []}, model_name="tiny")),
    }))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def python() -> Path:
    return foreign_python(*PACKAGES)


def test_all_that_it_asks(python: Path, tmp_path: Path) -> None:
    files = [tmp_path / "red.png", tmp_path / "blue.png"]
    for file, photo in zip(files, (RED, BLUE), strict=True):
        file.write_bytes(photo)
    tiny = write_tiny(tmp_path / "tiny.onnx", tiny_card())
    with serving_inside(models=tiny, api_keys="secret") as service:
        said: Any = ask_python(python, SCRIPT, service.url, *map(str, files))
    assert (said["live"], said["ready"]) == (True, True)
    assert said["model_ready"] == [True, False]
    for answer in said["image"]:
        assert answer[:3] == ["tiny", [2, 3], "FP32"]
        red, blue = answer[3]
        assert (red.index(max(red)), blue.index(max(blue))) == (0, 2)
        assert said["pixels"] == [["tiny", [1, 3], "FP32", [blue]]] * 2
    assert said["parameters"][1:3] == [[2, 1], "BYTES"]
    assert [status for status, _ in (said["unknown"], said["no_photo"], said["no_key"])] == [
        404,
        422,
        401,
    ]
    assert said["unknown"][1].startswith("There is no model 'none'; there is: tiny., '404")
    assert said["no_photo"][1].startswith("The request has 2 inputs; send one")
    assert said["no_key"][1].startswith("Send a valid key")


FIRST_PROTOCOL = (
    SCRIPT.partition("client = ")[0]
    + """
client = InferenceRESTClient(RESTConfig(protocol="v1"))
KEY = {"authorization": "Bearer secret"}
instances = [{"b64": base64.b64encode(photo).decode()} for photo in photos]

async def infer(model, **given):
    try:
        return await client.infer(url, given, model_name=model, headers=dict(KEY))
    except httpx.HTTPStatusError as error:
        return [error.response.status_code, str(error)]

async def main():
    print(json.dumps([
        await client.is_model_ready(url, "tiny", headers=KEY),
        await infer("tiny", instances=instances),
        await infer("none", instances=instances),
    ]))

asyncio.run(main())
"""
)


def test_its_first_protocol(python: Path, tmp_path: Path) -> None:
    files = [tmp_path / "red.png", tmp_path / "blue.png"]
    for file, photo in zip(files, (RED, BLUE), strict=True):
        file.write_bytes(photo)
    tiny = write_tiny(tmp_path / "tiny.onnx", tiny_card())
    with serving_inside(models=tiny, api_keys="secret") as service:
        ready, answer, refusal = ask_python(python, FIRST_PROTOCOL, service.url, *map(str, files))
    assert ready is True
    firsts = [one["predictions"][0]["label"] for one in answer["predictions"]]
    assert firsts == ["Red", "Blue"]
    assert refusal[0] == 404
    assert refusal[1].startswith("There is no model 'none'; there is: tiny.")
