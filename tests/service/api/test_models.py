"""The models that are served, their cards and their labels."""

from __future__ import annotations

import httpx

from service.runtimes.registry import choose


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
