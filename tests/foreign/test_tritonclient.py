"""NVIDIA's client of the Open Inference Protocol over HTTP, unchanged: all that it can ask here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.foreign import ask_python, foreign_python
from tests.servers import serving_inside
from tests.service.asking import BLUE, RED
from tests.service.conftest import tiny_card, write_tiny

PACKAGES = (
    *("tritonclient==2.73.0", "geventhttpclient==2.6.1", "python-rapidjson==1.25"),
    *("gevent==26.9.0", "greenlet==3.3.2", "zope.event==6.2", "zope.interface==8.7"),
    *("brotli==1.2.1", "certifi==2026.10.18", "urllib3==2.8.0", "numpy==2.4.6"),
    *("ml-dtypes==0.5.4", "packaging==26.3"),
)

SCRIPT = """
import json, sys
import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

where, red, blue = sys.argv[1:]
photos = [open(path, "rb").read() for path in (red, blue)]
client = triton.InferenceServerClient(where)
stranger = triton.InferenceServerClient(where)
KEY = {"authorization": "Bearer secret"}  # the client writes into what it is given

def image(*shape):
    tensor = triton.InferInput("image", list(shape), "BYTES")
    tensor.set_data_from_numpy(np.array(photos[: shape[0]], dtype=object).reshape(shape))
    return tensor

def pixels(binary):
    tensor = triton.InferInput("photo", [1, 2, 2, 3], "UINT8")
    colours = np.full((1, 2, 2, 3), [0, 0, 255], np.uint8)
    tensor.set_data_from_numpy(colours, binary_data=binary)
    return tensor

def labels(binary, **more):
    return [triton.InferRequestedOutput("probabilities", binary_data=binary, **more)]

def infer(*inputs, client=client, model="tiny", **more):
    answer = client.infer(model, list(inputs), headers={**KEY}, **more)
    found = answer.as_numpy("probabilities")
    return found.tolist() if found.dtype != object else [
        [text.decode() if isinstance(text, bytes) else text for text in row] for row in found]

def refused(ask):
    try:
        ask()
    except InferenceServerException as error:
        return [error.status(), error.message()]

told = client.infer("tiny", [image(1)], headers={**KEY}, request_id="r1").get_response()
print(json.dumps({
    "live": client.is_server_live(),
    "ready": client.is_server_ready(),
    "model_ready": [client.is_model_ready("tiny", headers={**KEY}),
                    client.is_model_ready("tiny", "1", headers={**KEY}),
                    client.is_model_ready("tiny", "2", headers={**KEY}),
                    client.is_model_ready("none", headers={**KEY})],
    "server": client.get_server_metadata(headers={**KEY}),
    "model": client.get_model_metadata("tiny", "1", headers={**KEY}),
    "index": client.get_model_repository_index(headers={**KEY}),
    "config": refused(lambda: client.get_model_config("tiny", headers={**KEY})),
    "id": [told["id"], told["model_name"], told["model_version"]],
    "binary": infer(image(2)),
    "column": infer(image(2, 1), model_version="1"),
    "json": infer(image(1), outputs=labels(False)),
    "pixels": [infer(pixels(True)), infer(pixels(False))],
    "classes": [infer(image(2), outputs=labels(binary, class_count=2)) for binary in (True, False)],
    "top_k": infer(image(1), parameters={"top_k": 1}),
    "compressed": [infer(image(2), request_compression_algorithm=one,
                         response_compression_algorithm=one) for one in ("gzip", "deflate")],
    "asynchronous": client.async_infer("tiny", [image(1)], headers={**KEY}).get_result()
        .as_numpy("probabilities").tolist(),
    "timeout": refused(lambda: infer(image(1), timeout=60_000_001)),
    "unknown": refused(lambda: infer(image(1), model="none")),
    "no_photo": refused(lambda: infer(pixels(True), image(1))),
    "output": refused(lambda: infer(image(1), outputs=[triton.InferRequestedOutput("scores")])),
    "no_key": refused(lambda: stranger.get_model_metadata("tiny")),
}))
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
        where = service.url.removeprefix("http://")
        said: Any = ask_python(python, SCRIPT, where, *map(str, files))
        key = {"Authorization": "Bearer secret"}
        answer = httpx.post(f"{service.url}/classify?top_k=3", content=RED, headers=key).json()
    assert (said["live"], said["ready"]) == (True, True)
    assert said["model_ready"] == [True, True, False, False]
    assert said["server"]["extensions"] == ["classification", "binary_tensor_data"]
    assert said["model"]["outputs"][0]["shape"] == [-1, 3]
    assert said["index"] == [{"name": "tiny", "version": "1", "state": "READY"}]
    assert said["id"] == ["r1", "tiny", "1"]
    red, blue = said["binary"]
    confidences = {one["index"]: one["confidence"] for one in answer["predictions"]}
    assert [round(one, 6) for one in red] == [confidences[index] for index in range(3)]
    assert blue.index(max(blue)) == 2
    assert said["column"] == [red, blue]
    assert said["compressed"] == [[red, blue]] * 2
    assert said["json"] == said["asynchronous"] == [red]
    assert said["pixels"] == [[blue]] * 2
    classes = [["0.999994:0:Red", "0.000003:2:Blue"], ["0.999994:2:Blue", "0.000003:1:Green"]]
    for found in said["classes"]:
        assert [row[0] for row in found] == [row[0] for row in classes]
        assert [len(row) for row in found] == [2, 2]
    assert said["top_k"] == [["0.999994:0:Red"]]
    refusals = {
        "config": ("404", "There is nothing at"),
        "timeout": ("422", "timeout must be a whole number"),
        "unknown": ("404", "There is no model 'none'"),
        "no_photo": ("422", "The request has 2 inputs"),
        "output": ("422", "There is no output 'scores'"),
        "no_key": ("401", "Send a valid key"),
    }
    for name, (status, sentence) in refusals.items():
        assert said[name][0] == status, name
        assert said[name][1].startswith(sentence), name


MANAGING = """
import json, sys
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

client = triton.InferenceServerClient(sys.argv[1])
KEY = {"authorization": "Bearer manager"}

def index():
    return [f"{one['name']}{one['version']}" for one in client.get_model_repository_index()]

def refused(**more):
    try:
        client.load_model("tiny", **more)
    except InferenceServerException as error:
        return error.status()

said = [index()]
client.unload_model("tiny", headers={**KEY})
said.append(index())
client.load_model("tiny", headers={**KEY})
said += [index(), refused(), refused(headers={**KEY}, config="{}")]
print(json.dumps(said))
"""


def test_it_loads_and_unloads(python: Path, tmp_path: Path) -> None:
    for name in ("other", "tiny"):
        write_tiny(tmp_path / f"{name}.onnx", tiny_card(name))
    with serving_inside(
        repository=tmp_path, repository_poll_ms=0, management_keys="manager"
    ) as service:
        said = ask_python(python, MANAGING, service.url.removeprefix("http://"))
    both = ["other1", "tiny1"]
    assert said == [both, ["other1"], both, "401", "422"]
