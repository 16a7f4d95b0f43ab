"""The models that are served, their cards and their labels."""

from __future__ import annotations

import httpx
import pytest

from models.sources import SOURCES
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
        "content": "photographs",
        "year": None,
    }
    card = httpx.get(f"{tiny_server}/models/tiny").json()
    assert card["input"]["size"] == 8
    labels = httpx.get(f"{tiny_server}/models/tiny/labels").json()
    assert labels == card["labels"]
    assert labels[0] == {"name": "Red", "category": "red"}


@pytest.mark.parametrize(
    "path",
    ["models/places365", "models/places365/labels", "models/places365/layers", "openapi.json"],
)
def test_what_is_long_goes_compressed_to_who_takes_it(site: str, path: str) -> None:
    plain = httpx.get(f"{site}/{path}", headers={"Accept-Encoding": "identity"})
    packed = httpx.get(f"{site}/{path}", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert packed.content == plain.content
    assert packed.num_bytes_downloaded < len(plain.content) / 2


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("models?version=1", "There is no parameter 'version'"),
        ("models?x", "see /docs"),
        ("models/tiny?versoin=1", "did you mean version?"),
        ("models/tiny?version=1&version=1", "given more than once"),
        ("models/tiny/labels?top_k=1", "There is no parameter 'top_k'"),
        ("models/tiny/labels?version=1&version=2", "given more than once"),
        ("sources?all=true", "There is no parameter 'all'"),
        ("models/none?x=1", "There is no parameter 'x'"),
    ],
)
def test_unknown_and_repeated_parameters_are_refused(
    tiny_server: str, path: str, hint: str
) -> None:
    refused = httpx.get(f"{tiny_server}/{path}")
    problem(refused, 422, "invalid-parameter")
    assert hint in refused.json()["detail"]


def test_what_could_be_served_is_listed_with_its_command(tiny_server: str) -> None:
    listed = httpx.get(f"{tiny_server}/sources").json()["sources"]
    assert sorted(one["name"] for one in listed) == sorted(SOURCES)
    assert listed[:2] == [
        {
            "name": "alexnet",
            "title": "AlexNet",
            "year": 2012,
            "architecture": "alexnet",
            "labels": 1000,
            "scene": False,
            "parameters": 61_100_840,
            "multiply_adds": 714_188_480,
            "published": {"dataset": "ImageNet-1k validation", "top1": 0.56522, "top5": 0.79066},
            "origin": "torchvision, trained on ImageNet-1k",
            "licence": "BSD-3-Clause",
            "command": "booth pull alexnet",
        },
        {
            "name": "alexnet_places365",
            "title": "AlexNet Places365",
            "year": 2012,
            "architecture": "alexnet",
            "labels": 365,
            "scene": True,
            "parameters": 58_499_245,
            "multiply_adds": 711_587_520,
            "published": None,
            "origin": "MIT CSAIL, trained on Places365-Standard",
            "licence": "Creative Commons Attribution (CC BY)",
            "command": "booth pull alexnet_places365",
        },
    ]
    assert [one["year"] for one in listed] == sorted(one["year"] for one in listed)


@pytest.mark.parametrize("path", ["models/tiny", "models/tiny/labels"])
def test_a_version_may_be_asked_for(tiny_server: str, path: str) -> None:
    assert httpx.get(f"{tiny_server}/{path}?version=1").status_code == 200
    problem(httpx.get(f"{tiny_server}/{path}?version=2"), 404, "unknown-version")
