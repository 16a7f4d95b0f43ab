"""Loading and unloading because somebody asks for it: of models that BOOTH_MODELS names as well."""

from __future__ import annotations

import asyncio

import pytest

from booth_client.errors import InternalError, Starting, UnknownModel, UnusableModel
from service.run.managing import Management
from tests.servers import Inside, serving_inside
from tests.service.conftest import MakeTiny


def names(inside: Inside) -> list[str]:
    return [one.card.name for one in inside.state.fleet.loaded()]


def test_what_booth_models_names_goes_and_comes_back(inside: Inside) -> None:
    management = Management(inside.state)
    asyncio.run(management.unload("tiny"))
    assert names(inside) == []
    with pytest.raises(UnknownModel):
        asyncio.run(management.unload("tiny"))
    asyncio.run(management.load("tiny"))
    assert names(inside) == ["tiny"]


def test_its_file_that_cant_be_used_is_told_without_its_place(make_tiny: MakeTiny) -> None:
    path = make_tiny()
    with serving_inside(models=path) as inside:
        path.write_bytes(b"no model")
        with pytest.raises(UnusableModel, match=r"^tiny\.onnx is no ONNX file") as refusal:
            asyncio.run(Management(inside.state).load("tiny"))
        assert str(path) not in refusal.value.detail
        assert names(inside) == ["tiny"]


def test_at_the_start_it_is_too_early(inside: Inside) -> None:
    inside.state.started = False
    with pytest.raises(Starting):
        asyncio.run(Management(inside.state).load("tiny"))


def test_what_nobody_foresaw_is_a_fault_of_ours(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the moon")

    monkeypatch.setattr("service.run.managing.load_now", fail)
    with pytest.raises(InternalError):
        asyncio.run(Management(inside.state).load("tiny"))
