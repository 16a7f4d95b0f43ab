"""The models that are served, their cards and their labels."""

from __future__ import annotations

import httpx
import pytest

from service.runtimes.registry import choose
from tests.service.asking import problem


def test_the_models_the_card_and_the_labels(tiny_server: str) -> None:
    (listed,) = httpx.get(f"{tiny_server}/models").json()["models"]
    assert listed == {
        "name": "tiny",
        "title": "Which colour prevails",
        "version": "1",
        "precision": "fp32",
        "provider": choose()[0].name,
        "labels": 3,
        "scene": False,
        "default": True,
    }
    card = httpx.get(f"{tiny_server}/models/tiny").json()
    assert card["input"]["size"] == 8
    labels = httpx.get(f"{tiny_server}/models/tiny/labels").json()
    assert labels == card["labels"]
    assert labels[0] == {"name": "Red", "category": "red"}


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("models?version=1", "There is no parameter 'version'"),
        ("models?x", "see /docs"),
        ("models/tiny?versoin=1", "did you mean version?"),
        ("models/tiny?version=1&version=1", "given more than once"),
        ("models/tiny/labels?top_k=1", "There is no parameter 'top_k'"),
        ("models/tiny/labels?version=1&version=2", "given more than once"),
        ("models/none?x=1", "There is no parameter 'x'"),
    ],
)
def test_unknown_and_repeated_parameters_are_refused(
    tiny_server: str, path: str, hint: str
) -> None:
    refused = httpx.get(f"{tiny_server}/{path}")
    problem(refused, 422, "invalid-parameter")
    assert hint in refused.json()["detail"]


@pytest.mark.parametrize("path", ["models/tiny", "models/tiny/labels"])
def test_a_version_may_be_asked_for(tiny_server: str, path: str) -> None:
    assert httpx.get(f"{tiny_server}/{path}?version=1").status_code == 200
    problem(httpx.get(f"{tiny_server}/{path}?version=2"), 404, "unknown-version")
