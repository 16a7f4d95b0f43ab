"""The API's description."""

from __future__ import annotations

import httpx


def test_the_description_of_the_api_has_every_route(tiny_server: str) -> None:
    description = httpx.get(f"{tiny_server}/openapi.json").json()
    assert set(description["paths"]) == {
        "/classify",
        "/label-map",
        "/models",
        "/models/{name}",
        "/models/{name}/labels",
        "/livez",
        "/readyz",
        "/metrics",
    }
    classify = description["paths"]["/classify"]["post"]
    assert [one["name"] for one in classify["parameters"]] == [
        "model",
        "version",
        "top_k",
        "timeout_ms",
        "explain",
        "If-None-Match",
        "Cache-Control",
    ]
    assert {"200", "400", "413", "415", "422", "429", "503", "504"} <= set(classify["responses"])
    one, several = classify["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]
    prediction = one["properties"]["predictions"]["items"]
    assert prediction["properties"]["basis"]["enum"] == ["labelled", "distilled"]
    assert prediction["required"] == ["label", "category", "index", "confidence"]
    assert set(prediction["properties"]["region"]["properties"]) == {"map", "box"}
    assert one["required"] == ["model", "version", "predictions", "environment", "timing_ms"]
    assert {"view", "cells", "attributes"} <= set(one["properties"])
    assert several["properties"]["results"]["items"]["anyOf"][0] == one


def test_a_body_s_fields_are_described_as_the_query_s_parameters_are(tiny_server: str) -> None:
    classify = httpx.get(f"{tiny_server}/openapi.json").json()["paths"]["/classify"]["post"]
    content = classify["requestBody"]["content"]
    parameters = {"model", "version", "top_k", "timeout_ms", "explain"}
    form = content["multipart/form-data"]["schema"]["properties"]
    assert set(form) == {"photo", *parameters}
    assert form["top_k"]["maximum"] == 1000
    one, several = content["application/json"]["schema"]["anyOf"]
    assert set(one["properties"]) == {"image", *parameters}
    assert set(several["properties"]) == {"images", *parameters}
