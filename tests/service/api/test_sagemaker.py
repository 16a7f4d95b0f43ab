"""SageMaker's two routes; what such fronts share: see test_labelling."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from tests.servers import Inside
from tests.service.asking import BLUE, RED, first, problem

RED64, BLUE64 = base64.b64encode(RED).decode(), base64.b64encode(BLUE).decode()
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


def invoked(url: str, attributes: str = "", **body: Any) -> httpx.Response:
    headers = {ATTRIBUTES: attributes} if attributes else {}
    return httpx.post(f"{url}/invocations", headers=headers, **body)


def test_a_photograph_gets_the_answer_of_classify(tiny_server: str) -> None:
    answer = invoked(tiny_server, content=RED).json()
    assert list(answer) == ["model", "version", "predictions", "environment", "timing_ms"]
    assert first(answer) == "Red"


def test_the_answer_has_the_form_of_the_question(tiny_server: str) -> None:
    predictions = invoked(tiny_server, json={"instances": [{"b64": RED64}]}).json()["predictions"]
    assert [first(one) for one in predictions] == ["Red"]
    results = invoked(tiny_server, json={"images": [RED64, BLUE64]}).json()["results"]
    assert [first(one) for one in results] == ["Red", "Blue"]
    assert first(invoked(tiny_server, json={"image": BLUE64}).json()) == "Blue"
    assert invoked(tiny_server, json={"inputs": RED64}).json()[0]["label"] == "Red"
    lists = invoked(tiny_server, json={"inputs": [RED64]}).json()
    assert [one[0]["label"] for one in lists] == ["Red"]


def test_attributes_hold_parameters_and_are_sent_back(tiny_server: str) -> None:
    attributes = "trace=c000b4f9, model = tiny,top_k=1"
    answer = invoked(tiny_server, attributes, content=RED)
    assert answer.headers[ATTRIBUTES] == attributes
    assert len(answer.json()["predictions"]) == 1
    assert ATTRIBUTES not in invoked(tiny_server, content=RED).headers


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ("top_k=0", "top_k must be a whole number"),
        ("top_k", "top_k must be a whole number from 1 to 1000, not ''."),
        ("top_k=1,top_k=1", "top_k is given more than once"),
        ("a" * 1025, "more than 1024 characters"),
    ],
)
def test_attributes_that_won_t_do(tiny_server: str, attributes: str, sentence: str) -> None:
    refusal = invoked(tiny_server, attributes, content=RED)
    assert sentence in problem(refusal, 422, "invalid-parameter")


def test_an_attribute_that_the_body_contradicts_is_said_to_be_in_the_header(
    tiny_server: str,
) -> None:
    body = {"instances": [{"b64": RED64}], "parameters": {"top_k": 2}}
    told = problem(invoked(tiny_server, "top_k=1", json=body), 422, "invalid-parameter")
    assert told == f"top_k is '1' in the header {ATTRIBUTES} and '2' in the body; send it once."
    assert invoked(tiny_server, "top_k=2", json=body).status_code == 200


def test_the_ping_says_whether_it_is_ready(inside: Inside) -> None:
    assert httpx.get(f"{inside.url}/ping").status_code == 200
    inside.state.draining = True
    refusal = httpx.get(f"{inside.url}/ping")
    assert problem(refusal, 503, "not-ready") == "The service is shutting down."
    inside.state.draining = False
