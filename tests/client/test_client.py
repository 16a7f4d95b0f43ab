"""The client against answers as DESIGN.md's HTTP contract writes them, and against none at all."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from booth_client import errors
from booth_client.client import AsyncClient, Client, ServiceUnreachable
from models.card import Card, Input, Label, Weights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PHOTO = b"\xff\xd8\xff\xe0 a photograph"
BOOTH = {"label": "Indoor booth", "category": "booth/indoor", "index": 61, "confidence": 0.72}
ANSWER = {
    "model": "places365",
    "version": "1",
    "predictions": [BOOTH],
    "environment": {"kind": "indoor", "confidence": 0.99},
    "timing_ms": {"decode": 1.4, "queue": 0.2, "inference": 2.9, "total": 4.8},
}
SUMMARY = {
    "name": "places365",
    "title": "Places365",
    "version": "1",
    "precision": "int8",
    "provider": "CPUExecutionProvider",
    "default": True,
    "scene": True,
    "labels": 2,
    "loaded": "a field that this client does not know",
}
CARD = Card(
    name="places365",
    title="Places365",
    version="1",
    architecture="resnet18",
    parameters=11_000_000,
    multiply_adds=1_800_000_000,
    precision="int8",
    input=Input(size=224, resize=256, keep_aspect=True),
    labels=(
        Label(name="Indoor booth", category="booth/indoor", kind="indoor"),
        Label(name="Harbor", category="harbor", kind="outdoor"),
    ),
    weights=Weights(origin="MIT", url=None, sha256="0" * 64, licence="CC-BY-4.0"),
    published=None,
)


def problem(error: errors.BoothError) -> dict[str, Any]:
    return {
        "type": f"/problems/{error.kind}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }


def refusal(error: errors.BoothError) -> httpx.Response:
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s else {}
    return httpx.Response(error.status, json=problem(error), headers=headers)


def client(answer: Callable[[httpx.Request], httpx.Response], **given: Any) -> Client:
    return Client("http://booth.test", transport=httpx.MockTransport(answer), **given)


def test_a_photo_becomes_an_answer() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("POST", "/classify")
        assert dict(request.url.params) == {
            "model": "places365",
            "top_k": "3",
            "timeout_ms": "2000",
        }
        assert request.read() == PHOTO
        return httpx.Response(200, json=ANSWER)

    with client(answer) as booth:
        got = booth.classify(PHOTO, model="places365", top_k=3, timeout_ms=2000)
    assert got.predictions[0].category == "booth/indoor"
    assert got.environment is not None
    assert got.environment.kind == "indoor"
    assert got.timing_ms.inference == 2.9


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"basis": "distilled"}, "distilled"),
        ({}, None),
        ({"basis": "a kind that this client does not know"}, None),
    ],
)
def test_a_basis_is_read_where_it_is_given(given: dict[str, str], read: str | None) -> None:
    answer = ANSWER | {"predictions": [BOOTH | given]}
    with client(lambda _: httpx.Response(200, json=answer)) as booth:
        (prediction,) = booth.classify(PHOTO).predictions
    assert (prediction.category, prediction.basis) == ("booth/indoor", read)


@pytest.mark.parametrize("as_path", [str, lambda path: path])
def test_a_photo_may_be_a_path(tmp_path: Path, as_path: Callable[[Path], Any]) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(PHOTO)
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.read())
        return httpx.Response(200, json=ANSWER | {"environment": None})

    with client(answer) as booth:
        assert booth.classify(as_path(file)).environment is None
    assert sent == [PHOTO]


def test_many_photos_go_in_one_request_and_keep_their_order() -> None:
    broken = errors.BadImage("the second is broken")

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Content-Type"].startswith("multipart/form-data")
        assert request.read().count(PHOTO) == 2
        return httpx.Response(200, json={"results": [ANSWER, problem(broken)]})

    with client(answer) as booth:
        first, second = booth.classify_many([PHOTO, PHOTO])
    assert not isinstance(first, errors.BoothError)
    assert first.model == "places365"
    assert isinstance(second, errors.BadImage)
    assert second.detail == "the second is broken"


def test_one_of_one_that_is_broken_is_its_own_error_not_the_request_s() -> None:
    with client(lambda _: refusal(errors.BadImage("broken"))) as booth:
        (only,) = booth.classify_many([PHOTO])
    assert isinstance(only, errors.BadImage)


def test_a_wrong_model_fails_the_whole_request() -> None:
    with (
        client(lambda _: refusal(errors.UnknownModel("no such model"))) as booth,
        pytest.raises(errors.UnknownModel, match="no such model"),
    ):
        booth.classify_many([PHOTO])


def test_no_photos_need_no_request() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("a request was made")

    with client(answer) as booth:
        assert booth.classify_many([]) == []


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
    with client(lambda _: refusal(error)) as booth, pytest.raises(errors.BoothError) as caught:
        booth.classify(PHOTO)
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
    with (
        client(lambda _: httpx.Response(status, json=body)) as booth,
        pytest.raises(expected, match="new") as caught,
    ):
        booth.models()
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, html="<h1>another server</h1>"),
        httpx.Response(502, html="<h1>Bad gateway</h1>"),
        httpx.Response(200, json={"status": "ok"}),
        httpx.Response(404, json={"message": "no route"}),
        httpx.Response(200, json=[1]),
    ],
)
def test_what_is_no_booth_is_said_to_be_none(response: httpx.Response) -> None:
    with (
        client(lambda _: response) as booth,
        pytest.raises(ServiceUnreachable, match="check that this is the address of a Booth"),
    ):
        booth.models()


def test_models_card_and_labels_are_typed() -> None:
    bodies = {
        "/models": {"models": [SUMMARY]},
        "/models/places365": json.loads(CARD.to_json()),
        "/models/places365/labels": [label.model_dump() for label in CARD.labels],
    }
    with client(lambda request: httpx.Response(200, json=bodies[request.url.path])) as booth:
        assert [(model.name, model.default) for model in booth.models()] == [("places365", True)]
        assert booth.card("places365") == CARD
        assert booth.labels("places365") == list(CARD.labels)


def test_a_model_s_name_can_t_reach_another_route() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.raw_path == b"/models/..%2Fmetrics%3F"
        return refusal(errors.UnknownModel("no such model"))

    with client(answer) as booth, pytest.raises(errors.UnknownModel):
        booth.card("../metrics?")


@pytest.mark.parametrize("api_key", [None, "from-environment"])
def test_the_key_goes_with_every_request(
    monkeypatch: pytest.MonkeyPatch, api_key: str | None
) -> None:
    monkeypatch.setenv("BOOTH_API_KEY", "from-environment")
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Authorization"])
        return httpx.Response(200, json={"models": []})

    with client(answer, api_key=api_key) as booth:
        booth.models()
    assert keys == ["Bearer from-environment"]


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
def test_ready_is_what_readyz_says(status: int, ready: bool) -> None:
    with client(lambda _: httpx.Response(status)) as booth:
        assert booth.ready() is ready


def test_nobody_there_is_one_clear_sentence(closed_port: int) -> None:
    with Client(f"http://127.0.0.1:{closed_port}") as booth:
        assert not booth.ready()
        with pytest.raises(ServiceUnreachable, match="start it with `booth serve`") as caught:
            booth.classify(PHOTO)
    assert isinstance(caught.value, ConnectionError)
    assert isinstance(caught.value, errors.Unavailable)


def test_a_silent_service_is_given_up_after_timeout_s() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        start = time.monotonic()
        with (
            Client(f"http://127.0.0.1:{port}", timeout_s=0.05) as booth,
            pytest.raises(ServiceUnreachable, match=r"did not answer within 0\.05 s"),
        ):
            booth.models()
    assert time.monotonic() - start < 5


def test_the_address_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setenv("BOOTH_URL", f"http://127.0.0.1:{closed_port}")
    with Client() as booth, pytest.raises(ServiceUnreachable, match=f":{closed_port};"):
        booth.models()


@pytest.mark.parametrize("url", ["localhost:8000", "booth", "http://", "http://a:b", "ftp://a"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="write it as http://"):
        Client(url)


def test_the_async_client_says_the_same(tmp_path: Path, closed_port: int) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(PHOTO)
    bodies: dict[str, Any] = {
        "/classify": ANSWER,
        "/models": {"models": [SUMMARY]},
        "/models/places365": json.loads(CARD.to_json()),
        "/models/places365/labels": [label.model_dump() for label in CARD.labels],
        "/readyz": {},
    }
    transport = httpx.MockTransport(lambda r: httpx.Response(200, json=bodies[r.url.path]))

    async def ask() -> None:
        async with AsyncClient("http://booth.test", transport=transport) as booth:
            assert (await booth.classify(file)).predictions[0].index == 61
            assert len(await booth.classify_many([file])) == 1
            assert (await booth.models())[0].labels == 2
            assert await booth.card("places365") == CARD
            assert await booth.labels("places365") == list(CARD.labels)
            assert await booth.ready()
        async with AsyncClient(f"http://127.0.0.1:{closed_port}") as nobody:
            assert await nobody.classify_many([]) == []
            assert not await nobody.ready()
            with pytest.raises(ServiceUnreachable):
                await nobody.models()

    asyncio.run(ask())


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_a_real_service_is_understood(server: str, photos: dict[str, bytes]) -> None:
    with Client(server) as booth:
        assert booth.ready()
        model, objects = booth.models()
        labels = booth.labels(model.name)
        assert model.default
        assert not objects.default
        assert len(labels) == model.labels
        assert booth.card(model.name).labels == tuple(labels)
        scene = booth.classify(photos["coffee"])
        assert scene.model == model.name
        assert scene.environment
        first = scene.predictions
        assert [labels[one.index].category for one in first] == [one.category for one in first]
        espresso = booth.classify(photos["coffee"], model=objects.name, top_k=3)
        assert espresso.predictions[0].label == "Espresso"
        assert espresso.environment is None


def test_a_real_service_s_refusals_come_back_typed(server: str, photos: dict[str, bytes]) -> None:
    with Client(server) as booth:
        good, bad = booth.classify_many([photos["coffee"], b"no photograph"])
        assert not isinstance(good, errors.BoothError)
        assert isinstance(bad, errors.UnsupportedFormat)
        assert isinstance(booth.classify_many([b""])[0], errors.BadImage)
        with pytest.raises(errors.UnknownModel):
            booth.classify(photos["coffee"], model="none")
        with pytest.raises(errors.InvalidParameter):
            booth.classify(photos["coffee"], top_k=0)
