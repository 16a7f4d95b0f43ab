"""A Python client, generated from the description, calls every route of a service that has keys."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.described import operations, written
from tests.foreign import ask_python, foreign_python
from tests.servers import ROOT, Serve, clean_environment

PACKAGES = (
    "annotated-doc==0.0.7",
    "annotated-types==0.8.0",
    "anyio==4.16.0",
    "attrs==26.1.0",
    "certifi==2026.10.19.post1",
    "h11==0.16.0",
    "httpcore==1.0.9",
    "httpx==0.28.1",
    "idna==3.20",
    "Jinja2==3.1.6",
    "markdown-it-py==4.3.0",
    "MarkupSafe==3.0.4",
    "mdurl==0.1.2",
    "openapi-python-client==0.29.1",
    "pydantic==2.14.4",
    "pydantic_core==2.50.5",
    "Pygments==2.21.0",
    "rich==15.0.0",
    "ruamel.yaml==0.19.1",
    "shellingham==1.5.4",
    "typer==0.27.3",
    "typing-inspection==0.4.5",
    "typing_extensions==4.16.0",
)
KEY, MANAGER = "a-key-of-twenty-bytes", "a-key-of-the-managers"

SCRIPT = """
import base64, json, sys
from io import BytesIO
from pathlib import Path

from booth_api import AuthenticatedClient, models
from booth_api.api.classify import classify, get_label_map
from booth_api.api.health import check_live, check_ready, get_metrics
from booth_api.api.inspect import get_activations, get_features, get_occlusion
from booth_api.api.models import (
    get_filters, get_labels, get_layers, get_model, list_models, list_sources
)
from booth_api.api.manage import (
    get_rollout, load_model, load_v2_model, put_rollout, unload_model,
    unload_v2_model,
)
from booth_api.api.open_inference import (
    check_v2_live, check_v2_model, check_v2_model_version, check_v2_ready, get_v2_model,
    get_v2_model_version, get_v2_server, index_v2_repository, infer, infer_version, list_v2_models,
)
from booth_api.api.other_clients import (
    classify_as_hugging_face, get_model_status, get_version_status, invoke, list_model_names, ping,
    predict, predict_version,
)
from booth_api.types import File

url, key, manager_key, path = sys.argv[1:]
manager = AuthenticatedClient(url, manager_key, raise_on_unexpected_status=True)
photo = Path(path).read_bytes()
client = AuthenticatedClient(url, key, raise_on_unexpected_status=True)

def ask(module, *arguments, client=client, **given):
    answer = module.sync(*arguments, client=client, **given)
    assert not isinstance(answer, models.Problem), answer
    return answer

def one():
    return File(BytesIO(photo), "photo.jpg", "image/jpeg")

text = base64.b64encode(photo).decode()
name = "places365"
tensor = models.InferRequest([models.InferInput("image", "BYTES", [1], [text])])
instances = models.Instances([models.EncodedPhotograph(text), text])
plan = models.RolloutPlan.from_dict({"weights": {"2": 1}})

def manage(module, body=None, *given):
    sent = {"body": body} if body else {}
    return [one.name for one in ask(module, name, *given, client=manager, **sent).models]

layer = ask(get_layers, name).layers[0].name
labels = [
    ask(classify, body=one(), top_k=1, explain="region").predictions[0],
    ask(classify, body=models.ClassifyImage(text, top_k=1)).predictions[0],
    ask(classify, body=models.ClassifyImages([text])).results[0].predictions[0],
    *(
        result.predictions[0]
        for result in ask(classify, body=models.ClassifyForm([one(), one()], top_k=1)).results
    ),
]
wrong = classify.sync(client=client, body=File(BytesIO(b"no photograph")))
stranger = AuthenticatedClient(url, "wrong")
print(json.dumps({
    "classify": [label.label for label in labels],
    "get_label_map": ask(get_label_map, body=one()).cells.rows > 1,
    "get_activations": ask(
        get_activations, body=one(), layer=layer, units=1, maps=models.GetActivationsMaps.NUMBERS
    ).layers[0].layer == layer,
    "get_occlusion": ask(get_occlusion, body=one(), layer=layer, unit=0).layer == layer,
    "get_features": ask(get_features, body=one()).size,
    "list_models": [model.name for model in ask(list_models).models],
    "list_sources": ask(list_sources).sources[0].name,
    "get_model": ask(get_model, name).precision.value,
    "get_labels": ask(get_labels, name)[0].name,
    "get_layers": layer,
    "get_filters": ask(get_filters, name, layer=layer, unit="0").filters[0].unit,
    "check_v2_live": ask(check_v2_live).live,
    "check_v2_ready": ask(check_v2_ready).ready,
    "get_v2_server": ask(get_v2_server).name,
    "list_v2_models": ask(list_v2_models).models,
    "get_v2_model": ask(get_v2_model, name).versions,
    "get_v2_model_version": ask(get_v2_model_version, name, "2").versions,
    "check_v2_model": ask(check_v2_model, name).ready,
    "check_v2_model_version": ask(check_v2_model_version, name, "2").ready,
    "infer": ask(infer, name, body=tensor).outputs[0].shape,
    "infer_version": ask(infer_version, name, "2", body=tensor).model_version,
    "index_v2_repository": ask(index_v2_repository)[0].state.value,
    "classify_as_hugging_face": ask(classify_as_hugging_face, name, body=one())[0].label,
    "list_model_names": ask(list_model_names).models,
    "predict": [
        each.predictions[0].label for each in ask(predict, name, body=instances).predictions
    ],
    "predict_version": ask(predict_version, name, "2", body=one()).predictions[0].version,
    "get_model_status": ask(get_model_status, name).ready,
    "get_version_status": ask(get_version_status, name, "2").ready,
    "ping": ask(ping),
    "invoke": ask(invoke, body=one()).predictions[0].label,
    "put_rollout": ask(put_rollout, name, body=plan, client=manager).shares.to_dict(),
    "get_rollout": ask(get_rollout, name, client=manager).set_by.value,
    "unload_model": manage(unload_model, models.VersionChoice("2")),
    "load_model": manage(load_model),
    "unload_v2_model": manage(unload_v2_model, models.RepositoryUnload()),
    "load_v2_model": manage(load_v2_model, models.RepositoryLoad()),
    "check_live": ask(check_live),
    "check_ready": ask(check_ready),
    "get_metrics": "booth_requests_total" in ask(get_metrics),
    "errors": [wrong.status, wrong.type_, list_models.sync(client=stranger).status],
}))
"""


def generated(folder: Path, description: Any) -> Path:
    """The interpreter that has a client for a description: the package ``booth_api``."""
    python = foreign_python(*PACKAGES)
    settings = folder / "settings.yaml"
    settings.write_text("post_hooks: []", encoding="utf-8")  # no formatter is needed
    path = written(folder / "openapi.json", description)
    command: list[str | Path] = [python, "-m", "openapi_python_client", "generate", "--path", path]
    done = subprocess.run(
        [*command, "--meta=none", "--output-path", folder / "booth_api", "--config", settings],
        env=clean_environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert not done.returncode, done.stdout + done.stderr
    # All that it leaves out: `application/octet-stream` says the same.
    lines = (done.stdout + done.stderr).splitlines()
    told = [line for line in lines if "nsupported" in line or "ERROR" in line]
    assert set(told) == {"Unsupported content type image/*"}
    return python


@pytest.mark.timeout(240)
def test_it_calls_every_route(serve: Serve, tmp_path: Path) -> None:
    with serve(models="places365", api_keys=KEY, management_keys=MANAGER) as server:
        description = httpx.get(f"{server.url}/openapi.json").json()
        python = generated(tmp_path, description)
        arguments = (server.url, KEY, MANAGER, str(ROOT / "demo/samples/coffee.jpg"))
        answers = ask_python(python, SCRIPT, *arguments, PYTHONPATH=str(tmp_path))
    assert answers.pop("errors") == [415, "/problems/unsupported-format", 401]
    assert answers == {
        "classify": ["Coffee shop"] * 5,
        "get_label_map": True,
        "get_activations": True,
        "get_occlusion": True,
        "get_features": 1280,
        "list_models": ["places365"],
        "list_sources": "alexnet",
        "get_model": "int8",
        "get_labels": "Airfield",
        "get_layers": "conv0",
        "get_filters": 0,
        "check_v2_live": True,
        "check_v2_ready": True,
        "get_v2_server": "booth",
        "list_v2_models": ["places365"],
        "get_v2_model": ["2"],
        "get_v2_model_version": ["2"],
        "check_v2_model": True,
        "check_v2_model_version": True,
        "infer": [1, 365],
        "infer_version": "2",
        "index_v2_repository": "READY",
        "classify_as_hugging_face": "Coffee shop",
        "list_model_names": ["places365"],
        "predict": ["Coffee shop"] * 2,
        "predict_version": "2",
        "get_model_status": True,
        "get_version_status": True,
        "ping": "ready\n",
        "invoke": "Coffee shop",
        "put_rollout": {"2": 1.0},
        "get_rollout": "request",
        "unload_model": [],
        "load_model": ["places365"],
        "unload_v2_model": [],
        "load_v2_model": ["places365"],
        "check_live": "alive\n",
        "check_ready": "ready\n",
        "get_metrics": True,
    }
    assert set(answers) == set(operations(description))
