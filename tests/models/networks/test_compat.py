from __future__ import annotations

from types import SimpleNamespace

import pytest
from torch import library

from models.networks import compat

TORCHVISION = SimpleNamespace(models="the models")


@pytest.fixture
def defined(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(library, "define", lambda name, _schema: names.append(name))
    return names


def test_a_plain_import_needs_no_cure(defined: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.import_module", lambda _name: TORCHVISION)
    assert compat.torchvision_models.__wrapped__() == "the models"
    assert defined == []


def test_missing_operators_are_declared(
    defined: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def import_module(_name: str) -> SimpleNamespace:
        if not defined:
            raise RuntimeError("operator torchvision::nms does not exist")
        return TORCHVISION

    monkeypatch.setattr("importlib.import_module", import_module)
    assert compat.torchvision_models.__wrapped__() == "the models"
    assert defined == ["torchvision::nms", "torchvision::qnms"]
