"""The API's description: what it tells of each route, and that what is answered is what it says."""

from __future__ import annotations

import base64
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from fastapi import APIRouter

from service.api.openapi.bodies import PIXEL
from service.api.openapi.document import FRONTS, document
from service.api.openapi.problems import RESPONSES
from service.api.openapi.schemas import WIRE
from tests.described import described, operations
from tests.servers import serving_inside
from tests.service.asking import RED, coloured
from tests.service.tiled import quarters, write_tiled

KEY, MANAGER = "a-key-of-twenty-bytes", "a-key-of-the-managers"
PHOTOGRAPHS = {"classify", "get_label_map", "get_activations", "get_occlusion", "get_features"}


@pytest.fixture(scope="module")
def description() -> Any:
    return described(management_keys=MANAGER)


def strict(description: Any) -> Any:
    """The same, where no answer may have a field that isn't told of."""
    whole = deepcopy(description)
    for schema in whole["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return whole


def check(value: Any, schema: Any, whole: Any) -> None:
    jsonschema_rs.Draft202012Validator({**schema, "components": whole["components"]}).validate(
        value
    )


def test_the_description_has_every_route_under_a_name_of_its_own(description: Any) -> None:
    assert {name: path for name, (_, path, _) in operations(description).items()} == {
        "classify": "/classify",
        "get_label_map": "/label-map",
        "get_activations": "/activations",
        "get_occlusion": "/occlusion",
        "get_features": "/features",
        "list_models": "/models",
        "list_sources": "/sources",
        "get_model": "/models/{name}",
        "get_labels": "/models/{name}/labels",
        "get_layers": "/models/{name}/layers",
        "get_filters": "/models/{name}/filters",
        "check_live": "/livez",
        "check_ready": "/readyz",
        "get_metrics": "/metrics",
        "check_v2_live": "/v2/health/live",
        "check_v2_ready": "/v2/health/ready",
        "get_v2_server": "/v2",
        "list_v2_models": "/v2/models",
        "get_v2_model": "/v2/models/{name}",
        "get_v2_model_version": "/v2/models/{name}/versions/{version}",
        "check_v2_model": "/v2/models/{name}/ready",
        "check_v2_model_version": "/v2/models/{name}/versions/{version}/ready",
        "infer": "/v2/models/{name}/infer",
        "infer_version": "/v2/models/{name}/versions/{version}/infer",
        "index_v2_repository": "/v2/repository/index",
        "classify_as_hugging_face": "/hf/{name}",
        "list_model_names": "/v1/models",
        "predict": "/v1/models/{name}:predict",
        "predict_version": "/v1/models/{name}/versions/{version}:predict",
        "get_model_status": "/v1/models/{name}",
        "get_version_status": "/v1/models/{name}/versions/{version}",
        "ping": "/ping",
        "invoke": "/invocations",
        "get_rollout": "/models/{name}/rollout",
        "put_rollout": "/models/{name}/rollout",
        "load_model": "/models/{name}/load",
        "unload_model": "/models/{name}/unload",
        "load_v2_model": "/v2/repository/models/{name}/load",
        "unload_v2_model": "/v2/repository/models/{name}/unload",
    }


def test_no_two_fronts_have_a_schema_of_one_name() -> None:
    names = [*WIRE, *(name for front in FRONTS for name in front.SCHEMAS)]
    assert len(names) == len(set(names)), sorted(names)


def test_who_has_no_management_keys_reads_nothing_of_their_routes() -> None:
    found = operations(described()).values()
    assert not [path for _, path, one in found if "manage" in one["tags"]]


def test_a_route_without_a_description_is_refused() -> None:
    routes = APIRouter()
    routes.add_api_route("/bare", lambda: None)
    with pytest.raises(LookupError, match="/bare"):
        document(routes.routes, "1")


def test_every_route_tells_what_one_needs_to_call_it(description: Any) -> None:
    tags = {one["name"] for one in description["tags"] if one["description"]}
    for name, (_, path, one) in operations(description).items():
        assert one["summary"], name
        assert one["description"].endswith("."), name
        assert set(one["tags"]) <= tags
        assert {part["name"] for part in one.get("parameters", ()) if part["in"] == "path"} == {
            *re.findall(r"{(\w+)}", path)
        }
        assert all(part["description"] for part in one.get("parameters", ()))
        assert {"400", "408", "431", "500", "501", "503"} <= set(one["responses"]), name


def test_every_object_that_is_sent_or_answered_has_a_name(description: Any) -> None:
    for name, (_, _, one) in operations(description).items():
        for part in (one.get("requestBody", {}), *one["responses"].values()):
            for content in part.get("content", {}).values():
                assert "properties" not in str(content["schema"]), name


def test_every_parameter_of_a_number_has_bounds(description: Any) -> None:
    for name, (_, _, one) in operations(description).items():
        for part in one.get("parameters", ()):
            if part["in"] == "query" and part["schema"].get("type") == "integer":
                assert {"minimum", "maximum"} <= set(part["schema"]), (name, part["name"])


def test_no_parameter_has_a_default_that_a_client_would_send_twice(description: Any) -> None:
    for name, (_, _, one) in operations(description).items():
        assert not [part for part in one.get("parameters", ()) if "default" in part["schema"]], name


def test_keys_are_needed_where_there_are_some(description: Any) -> None:
    assert description["security"] == [{"bearer": []}, {}]
    keyed = described(api_keys=KEY, management_keys=MANAGER)
    assert keyed["security"] == [{"bearer": []}]
    assert keyed["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    found = operations(keyed)
    is_open = {name for name, (_, _, one) in found.items() if one.get("security") == []}
    probes = {"check_v2_live", "check_v2_ready", "ping"}
    assert is_open == {"check_live", "check_ready", "get_metrics", *probes}
    assert {name for name, (_, _, one) in found.items() if "401" not in one["responses"]} == is_open
    always = operations(description)["put_rollout"][2]
    assert always["security"] == [{"bearer": []}]  # even where others need none


def test_the_service_stands_where_its_description_does(description: Any) -> None:
    assert description["servers"] == [{"url": "."}]
    assert described(root_path="/a/booth")["servers"] == [{"url": "/a/booth"}]


def test_a_photograph_comes_in_four_forms_and_beside_it_the_parameters(description: Any) -> None:
    found, schemas = operations(description), description["components"]["schemas"]
    for name in PHOTOGRAPHS:
        _, _, one = found[name]
        content = one["requestBody"]["content"]
        assert list(content) == [
            "application/octet-stream",
            "image/*",
            "multipart/form-data",
            "application/json",
        ]
        assert content["application/octet-stream"]["schema"] == {
            "type": "string",
            "format": "binary",
        }
        in_query = {part["name"] for part in one["parameters"] if part["in"] == "query"}
        form = content["multipart/form-data"]["schema"]["$ref"].rpartition("/")[2]
        stem = form.removesuffix("Form")
        assert set(schemas[form]["properties"]) == {"photo", *in_query}
        assert set(schemas[f"{stem}Image"]["properties"]) == {"image", *in_query}
        if name in {"classify", "get_features"}:
            assert set(schemas[f"{stem}Images"]["properties"]) == {"images", *in_query}


def test_every_error_has_an_example_with_its_status(description: Any) -> None:
    for name, response in RESPONSES.items():
        (content,) = response["content"].values()
        for kind, example in content["examples"].items():
            assert example["value"]["type"] == f"/problems/{kind}", name
            check(example["value"], content["schema"], strict(description))
    for _, _, one in operations(description).values():
        for status, response in one["responses"].items():
            if "$ref" in response:
                named = RESPONSES[response["$ref"].rpartition("/")[2]]
                (content,) = named["content"].values()
                assert {str(one["value"]["status"]) for one in content["examples"].values()} == {
                    status
                }


def test_every_answer_has_an_example_that_is_one(description: Any) -> None:
    whole = strict(description)
    for name, (_, _, one) in operations(description).items():
        content = one["responses"]["200"]["content"]
        for media_type in set(content) & {"application/json", "text/plain"}:
            told = content[media_type]
            examples = [part["value"] for part in told.get("examples", {}).values()]
            examples += [told["example"]] if "example" in told else []
            assert examples, (name, media_type)
            for example in examples:
                check(example, told["schema"], whole)


def test_the_examples_of_bodies_can_be_sent_as_they_are(tiny_server: str) -> None:
    sent = 0
    with httpx.Client(base_url=tiny_server) as http:
        for method, path, one in operations(described()).values():
            content = one.get("requestBody", {}).get("content", {}).get("application/json", {})
            examples = [part["value"] for part in content.get("examples", {}).values()]
            examples += [content["example"]] if "example" in content else []
            for example in examples:
                if path in {"/label-map", "/activations", "/occlusion", "/features"}:
                    continue  # the tiny model gives none
                url = path.format(name="tiny", version="1")
                response = http.request(method, url, json=example)
                assert response.status_code == 200, (url, response.text)
                sent += 1
        assert http.post("/classify", content=base64.b64decode(PIXEL)).status_code == 200
    assert sent >= 12


TEXT = base64.b64encode(RED).decode()
INFER = {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [TEXT]}]}
# What is sent to each route; a path's names and a layer's are filled in.
CALLS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "classify": [
        ("?explain=region,cells&top_k=2", {"content": RED}),
        ("", {"files": [("photo", RED), ("photo", b"no photograph")]}),
    ],
    "get_label_map": [("?top_k=2", {})],
    "get_activations": [
        ("?layer={layer}&units=2", {}),
        ("?layer={layer}&units=all&maps=numbers", {}),
        ("?layer={layer}&units=1&maps=png", {}),
        ("?layer={layer}&units=1", {"headers": {"Accept": "image/png"}}),
    ],
    "get_occlusion": [("?layer={layer}&unit=0", {})],
    "get_features": [
        ("", {}),
        ("?layer={layer}", {}),
        ("", {"content": None, "files": [("photo", RED), ("photo", b"no photograph")]}),
        ("", {"headers": {"Accept": "application/x-npy"}}),
    ],
    "list_models": [("", {})],
    "list_sources": [("", {})],
    "get_model": [("", {})],
    "get_labels": [("?version=1", {})],
    "get_layers": [("", {})],
    "get_filters": [
        ("?layer={layer}", {}),
        ("?layer={layer}", {"headers": {"Accept": "image/png"}}),
    ],
    "check_v2_live": [("", {})],
    "check_v2_ready": [("", {})],
    "get_v2_server": [("", {})],
    "list_v2_models": [("", {})],
    "get_v2_model": [("", {})],
    "get_v2_model_version": [("", {})],
    "check_v2_model": [("", {})],
    "check_v2_model_version": [("", {})],
    "infer": [("", {"json": INFER}), ("", {"json": {**INFER, "id": "a"}})],
    "infer_version": [("", {"json": {**INFER, "parameters": {"binary_data_output": True}}})],
    "index_v2_repository": [("", {"content": b""})],
    "classify_as_hugging_face": [("", {}), ("", {"json": {"inputs": [TEXT, "AAAA"]}})],
    "list_model_names": [("", {})],
    "predict": [
        ("", {"json": {"instances": [{"b64": TEXT}, "AAAA"]}}),
        ("", {"json": {"inputs": {"b64": TEXT}}}),
    ],
    "predict_version": [("", {"json": {"instances": [{"b64": TEXT}]}})],
    "get_model_status": [("", {})],
    "get_version_status": [("", {})],
    "ping": [("", {})],
    "invoke": [
        ("", {}),
        ("", {"json": {"images": [TEXT]}}),
        ("", {"json": {"instances": [TEXT]}}),
        ("", {"json": {"inputs": TEXT}}),
    ],
    "put_rollout": [("", {"json": {"weights": {"1": 1}}})],
    "get_rollout": [("", {})],
    "unload_model": [("", {"json": {"version": "1"}})],
    "load_model": [("", {"content": b""}), ("", {"json": {"version": "1"}})],
    "unload_v2_model": [("", {"json": {"parameters": {"unload_dependents": True}}})],
    "load_v2_model": [("", {"json": {}})],
    "check_live": [("", {})],
    "check_ready": [("", {})],
    "get_metrics": [("", {}), ("", {"headers": {"Accept": "application/openmetrics-text"}})],
}


def is_promised(response: httpx.Response, operation: Any, whole: Any) -> None:
    """Fail unless an answer is one of those that the description has."""
    told = operation["responses"][str(response.status_code)]
    if "$ref" in told:
        told = whole["components"]["responses"][told["$ref"].rpartition("/")[2]]
    media_type = response.headers["content-type"].partition(";")[0]
    schema = told["content"][media_type]["schema"]
    if media_type.endswith("json"):
        check(response.json(), schema, whole)
    else:
        assert schema["type"] == "string"
    # An ETag comes where the service has a cache.
    assert {name.lower() for name in told.get("headers", ())} <= {*response.headers, "etag"}


def test_what_is_answered_is_what_is_promised(tmp_path: Path) -> None:
    model = write_tiled(tmp_path / "tiled.onnx")
    settings: dict[str, Any] = {"api_keys": KEY, "management_keys": MANAGER, "deadline_ms": 60_000}
    headers = {"Authorization": f"Bearer {MANAGER}"}
    with (
        serving_inside(models=model, **settings) as inside,
        httpx.Client(base_url=inside.url, timeout=60, headers=headers) as http,
    ):
        description = http.get("/openapi.json").json()
        whole, found = strict(description), operations(description)
        assert set(CALLS) == set(found)
        stranger = httpx.get(f"{inside.url}/models")
        assert stranger.status_code == 401
        is_promised(stranger, found["list_models"][2], whole)
        layer = http.get("/models/tiled/layers").json()["layers"][0]["name"]
        for name, calls in CALLS.items():
            method, path, operation = found[name]
            for query, sent in calls:
                is_bare = method == "POST" and not {"files", "json"} & set(sent)
                body = {"content": quarters()} if is_bare else {}
                url = path.format(name="tiled", version="1") + query.format(layer=layer)
                response = http.request(method, url, **{**body, **sent})
                assert response.status_code == 200, (url, response.text)
                is_promised(response, operation, whole)


def test_an_error_is_one_that_is_promised(tiny_server: str, description: Any) -> None:
    whole, found = strict(description), operations(description)
    wrong: list[tuple[str, str, dict[str, Any], int]] = [
        ("classify", "", {"content": b""}, 400),
        ("classify", "?model=x", {"content": RED}, 404),
        ("classify", "", {"content": bytes(300_001)}, 413),
        ("classify", "", {"content": b"%PDF-1.7"}, 415),
        ("classify", "?top_k=0", {"content": RED}, 422),
        ("classify", "", {"content": coloured("red", 1100)}, 413),
        ("get_model", "?version=7", {}, 404),
        ("list_models", "?x=1", {}, 422),
        ("get_filters", "", {}, 422),
        ("classify_as_hugging_face", "", {"content": b""}, 400),
        ("get_v2_model_version", "", {}, 404),
        ("infer", "", {"json": {}}, 422),
        ("predict", "", {"json": {"instances": []}}, 422),
        ("predict_version", "", {"json": {"instances": [TEXT]}}, 404),
        ("get_version_status", "", {}, 404),
        ("invoke", "", {"content": b"%PDF-1.7"}, 415),
    ]
    with httpx.Client(base_url=tiny_server) as http:
        for name, query, sent, status in wrong:
            method, path, operation = found[name]
            response = http.request(method, path.format(name="tiny", version="7") + query, **sent)
            assert response.status_code == status, (name, response.text)
            is_promised(response, operation, whole)
