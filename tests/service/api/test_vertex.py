"""Vertex AI's two routes; what such fronts share: see test_labelling."""

from __future__ import annotations

import base64

import httpx

from tests.servers import ServeInside
from tests.service.asking import RED, first, problem

RED64 = base64.b64encode(RED).decode()
# Those that Vertex AI makes where the model names none.
HEALTH = "/v1/endpoints/1/deployedModels/2"
PREDICT = f"{HEALTH}:predict"


def test_instances_get_predictions_and_raw_bodies_an_answer(serve_inside: ServeInside) -> None:
    with (
        serve_inside(health_route=HEALTH, predict_route=PREDICT) as running,
        httpx.Client(base_url=running.url) as client,
    ):
        assert client.get(HEALTH).status_code == 200
        given = {"instances": [{"b64": RED64}] * 2, "parameters": {"top_k": 1}}
        answer = client.post(PREDICT, json=given).json()
        assert [first(one) for one in answer["predictions"]] == ["Red", "Red"]
        assert [len(one["predictions"]) for one in answer["predictions"]] == [1, 1]
        assert first(client.post(PREDICT, content=RED).json()) == "Red"
        assert first(client.post(PREDICT, json={"image": RED64}).json()) == "Red"
        running.state.started = False
        assert client.get(HEALTH).status_code == 503
        running.state.started = True


def test_booth_s_own_routes_may_be_those(serve_inside: ServeInside) -> None:
    with (
        serve_inside(health_route="/readyz", predict_route="/v1/models/tiny:predict") as running,
        httpx.Client(base_url=running.url) as client,
    ):
        assert client.get("/readyz").text == "ready\n"
        answer = client.post("/v1/models/tiny:predict", json={"instances": [RED64]})
        assert first(answer.json()["predictions"][0]) == "Red"


def test_without_them_there_is_no_such_route(tiny_server: str) -> None:
    missing = httpx.post(f"{tiny_server}/predict", json={"instances": [RED64]})
    assert "There is nothing at /predict" in problem(missing, 404, "not-found")
