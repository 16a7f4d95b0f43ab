"""Hugging Face's form of image classification; what all such fronts share: see test_labelling."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from tests.service.asking import BLUE, RED

RED64, BLUE64 = base64.b64encode(RED).decode(), base64.b64encode(BLUE).decode()


def asked(url: str, fields: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{url}/hf/tiny", json=fields)


def test_a_photograph_gets_a_list_of_labels_best_first(tiny_server: str) -> None:
    answer = httpx.post(f"{tiny_server}/hf/tiny", content=RED)
    assert answer.headers["content-type"] == "application/json"
    first, *others = answer.json()
    assert first == {
        "label": "Red",
        "score": pytest.approx(1, abs=0.01),
        "category": "red",
        "index": 0,
    }
    assert len(others) == 2
    assert "inference;dur=" in answer.headers["server-timing"]


def test_parameters_and_options_are_those_of_its_pipelines(tiny_server: str) -> None:
    options = {"wait_for_model": True, "use_cache": False}
    given = {"top_k": 1, "function_to_apply": "softmax"}
    answer = asked(tiny_server, {"inputs": RED64, "parameters": given, "options": options})
    assert [one["label"] for one in answer.json()] == ["Red"]
    other = asked(tiny_server, {"inputs": RED64, "parameters": {"function_to_apply": "sigmoid"}})
    assert other.status_code == 422
    assert other.json()["error"].startswith("function_to_apply must be softmax")


def test_several_photographs_get_a_list_each(tiny_server: str) -> None:
    answer = asked(tiny_server, {"inputs": [RED64, BLUE64], "parameters": {"top_k": 1}})
    assert [[one["label"] for one in each] for each in answer.json()] == [["Red"], ["Blue"]]


def test_the_path_names_the_model(tiny_server: str) -> None:
    answer = asked(tiny_server, {"inputs": RED64, "model": "other"})
    assert answer.status_code == 422
    missing = httpx.post(f"{tiny_server}/hf/tinny", content=RED)
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/unknown-model")
    assert missing.headers["content-type"] == "application/problem+json"
    twice = httpx.post(f"{tiny_server}/hf/tiny?model=other", content=RED)
    assert twice.json()["error"] == "model is given more than once; send it once."
