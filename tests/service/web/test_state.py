"""How far a service is: what it says of itself, and which model it gives."""

from __future__ import annotations

import pytest

from booth_client.errors import Starting, UnknownModel, UnknownVersion
from service.web.state import CAN_NOT_START
from tests.servers import Inside


def test_it_is_ready_once_its_models_are_and_says_the_gravest_reason_if_not(
    inside: Inside,
) -> None:
    state = inside.state
    assert state.not_ready() is None
    state.model().classifier.batcher.close()
    assert state.not_ready() == "A batching thread of tiny has ended."
    state.started = False
    assert state.not_ready() == "The models are still being loaded."
    state.draining = True
    assert state.not_ready() == "The service is shutting down."
    state.fatal = "/where/it/lies/tiny.onnx can't run here."
    assert state.not_ready() == CAN_NOT_START


def test_before_the_models_are_loaded_it_gives_none(inside: Inside) -> None:
    inside.state.started = False
    with pytest.raises(Starting) as refusal:
        inside.state.model("tiny")
    assert refusal.value.retry_after_s == 1


def test_it_gives_the_model_that_is_named_or_the_first(inside: Inside) -> None:
    assert inside.state.model().card.name == "tiny"
    assert inside.state.model("tiny", "1") is inside.state.model()
    with pytest.raises(UnknownModel):
        inside.state.model("places")
    with pytest.raises(UnknownVersion):
        inside.state.model("tiny", "2")
