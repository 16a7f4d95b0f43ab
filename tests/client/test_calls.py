"""What is sent for each call, and what becomes of every kind of response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from booth_client import calls, errors
from tests.client.contract import ANSWER, BODIES, BOOTH, CARD, PHOTO, SOURCE, problem, refusal

if TYPE_CHECKING:
    from booth_client import BoothError, Features

ONE = calls.classify(PHOTO, model=None, top_k=5, timeout_ms=None, explain=())
MANY = calls.features([PHOTO, PHOTO], layer=None, model=None, timeout_ms=None)
FEATURES = {"model": "places365", "version": "1", "size": 2, "features": [0.5, 2.0]}
CALLS = (
    ONE,
    MANY,
    calls.models(),
    calls.card("places365"),
    calls.labels("places365"),
    calls.sources(),
)


def responded(call: calls.Call[Any], response: httpx.Response) -> httpx.Response:
    with httpx.Client(base_url="http://booth.test/") as http:
        response.request = call.request(http)
    return response


def test_only_the_parameters_that_are_given_are_sent() -> None:
    with httpx.Client(base_url="http://booth.test/") as http:
        plain = ONE.request(http)
        full = calls.classify(
            PHOTO, model="a", top_k=3, timeout_ms=2000, explain=("region", "cells")
        ).request(http)
    assert (plain.method, plain.url.path, plain.url.query) == ("POST", "/classify", b"top_k=5")
    assert dict(full.url.params) == {
        "model": "a",
        "top_k": "3",
        "timeout_ms": "2000",
        "explain": "region,cells",
    }
    assert full.read() == PHOTO


def test_many_photographs_are_a_form() -> None:
    with httpx.Client(base_url="http://booth.test/") as http:
        request = MANY.request(http)
    assert request.headers["Content-Type"].startswith("multipart/form-data")
    assert request.read().count(PHOTO) == 2


@pytest.mark.parametrize("call", [calls.card("../metrics?"), calls.labels("../metrics?")])
def test_a_model_s_name_can_t_reach_another_route(call: calls.Call[Any]) -> None:
    with httpx.Client(base_url="http://booth.test/") as http:
        assert call.request(http).url.raw_path.startswith(b"/models/..%2Fmetrics%3F")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"basis": "distilled"}, "distilled"),
        ({}, None),
        ({"basis": "a kind that this client does not know"}, None),
    ],
)
def test_a_basis_is_read_where_it_is_given(given: dict[str, str], read: str | None) -> None:
    response = httpx.Response(200, json=ANSWER | {"predictions": [BOOTH | given]})
    (prediction,) = ONE.result(responded(ONE, response)).predictions
    assert (prediction.category, prediction.basis) == ("booth/indoor", read)


def test_of_many_each_is_an_answer_or_its_own_error() -> None:
    broken = errors.BadImage("the second is broken")
    response = httpx.Response(200, json={"results": [FEATURES, problem(broken)]})
    results: list[Features | BoothError] = MANY.result(responded(MANY, response))
    assert not isinstance(results[0], errors.BoothError)
    assert results[0].model == "places365"
    assert type(results[1]) is errors.BadImage
    assert results[1].detail == "the second is broken"


def test_one_of_one_that_is_broken_is_its_own_error_not_the_request_s() -> None:
    (only,) = MANY.result(responded(MANY, refusal(errors.BadImage("broken"))))
    assert isinstance(only, errors.BadImage)


def test_a_wrong_model_fails_the_whole_request() -> None:
    response = responded(MANY, refusal(errors.UnknownModel("no such model")))
    with pytest.raises(errors.UnknownModel, match="no such model"):
        MANY.result(response)


def test_models_card_and_labels_are_typed() -> None:
    response = {path: httpx.Response(200, json=body) for path, body in BODIES.items()}
    models, card, labels = calls.models(), calls.card("places365"), calls.labels("places365")
    assert models.result(responded(models, response[models.path]))[0].labels == 2
    assert card.result(responded(card, response[card.path])) == CARD
    assert labels.result(responded(labels, response[labels.path])) == list(CARD.labels)
    sources = calls.sources()
    assert sources.result(responded(sources, response[sources.path])) == [SOURCE]


def test_units_are_sent_where_they_are_named() -> None:
    assert calls.filters("places365", "conv0", [3, 5]).params == {"layer": "conv0", "unit": "3,5"}
    assert calls.filters("places365", "conv0", []).params == {"layer": "conv0"}


@pytest.mark.parametrize(
    "error",
    [
        errors.BadImage("it is empty"),
        errors.UnsupportedFormat("HEIC is not decoded here"),
        errors.DeadlineExceeded("it waited too long"),
        errors.Overloaded("the queue is full", retry_after_s=2),
        errors.InternalError("our fault"),
    ],
)
def test_problems_come_back_as_the_error_they_were(error: errors.BoothError) -> None:
    response = responded(ONE, refusal(error))
    with pytest.raises(errors.BoothError) as caught:
        ONE.result(response)
    assert type(caught.value) is type(error)
    assert caught.value.detail == error.detail
    assert caught.value.retry_after_s == error.retry_after_s


@pytest.mark.parametrize(
    ("status", "expected"),
    [(418, errors.BadRequest), (503, errors.Unavailable), (500, errors.InternalError)],
)
def test_a_kind_of_a_newer_service_falls_back_to_its_status(
    status: int, expected: type[errors.BoothError]
) -> None:
    body = {"type": "/problems/new", "status": status, "detail": "new"}
    response = responded(ONE, httpx.Response(status, json=body))
    with pytest.raises(expected, match="new") as caught:
        ONE.result(response)
    assert type(caught.value) is expected


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, html="<h1>another server</h1>"),
        httpx.Response(307, headers={"Location": "https://elsewhere.test/"}),
        httpx.Response(502, html="<h1>Bad gateway</h1>"),
        httpx.Response(200, json={"status": "ok"}),
        httpx.Response(404, json={"message": "no route"}),
        httpx.Response(404, json="none"),
        httpx.Response(200, json=[1]),
        httpx.Response(200, json={"results": 1, "models": {}}),
        httpx.Response(200, json={"results": ["one"], "models": [None]}),
        httpx.Response(200, json=ANSWER | {"timing_ms": {"total": "long"}}),
    ],
)
def test_what_is_no_booth_is_said_to_be_none(
    call: calls.Call[Any], response: httpx.Response
) -> None:
    stranger = responded(call, response)
    with pytest.raises(errors.ServiceUnreachable, match="check that this is the address"):
        call.result(stranger)


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
def test_ready_is_what_readyz_says(status: int, ready: bool) -> None:
    assert calls.READY.result(responded(calls.READY, httpx.Response(status))) is ready
