"""The client against a service in the test's own process, a real one, and none at all."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from booth_client import AsyncClient, Client, Retry, ServiceUnreachable, errors
from tests.client.contract import ANSWER, CARD, PHOTO, SOURCE, client, refusal, respond
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from booth_client import Photo

ONCE = Retry(attempts=1)
SOON = Retry(first_s=0.001)


def test_a_photo_becomes_an_answer() -> None:
    with client(respond) as booth:
        got = booth.classify(PHOTO, model="places365", top_k=3, timeout_ms=2000)
    assert got.predictions[0].category == "booth/indoor"
    assert got.environment is not None
    assert got.environment.kind == "indoor"
    assert got.timing_ms.inference == 2.9


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


def test_no_photos_need_no_request() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("a request was made")

    with client(answer) as booth:
        assert list(booth.classify_many([])) == []


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


def test_nobody_there_is_one_clear_sentence(closed_port: int) -> None:
    with Client(f"http://127.0.0.1:{closed_port}", retry=ONCE) as booth:
        assert not booth.ready()
        with pytest.raises(ServiceUnreachable, match="start it with `booth serve`") as caught:
            booth.classify(PHOTO)
    assert isinstance(caught.value, ConnectionError)
    assert isinstance(caught.value, errors.Unavailable)


class Moody:
    """Refuses twice, then answers."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.asked == 1:
            return refusal(errors.Overloaded("the queue is full"))
        if self.asked == 2:
            raise httpx.RemoteProtocolError("the connection has ended")
        return respond(request)


def test_what_passes_is_asked_again_and_answered() -> None:
    moody = Moody()
    with client(moody, retry=SOON) as booth:
        assert booth.classify(PHOTO).model == "places365"
    assert moody.asked == 3


def test_the_async_client_asks_again_as_well() -> None:
    moody = Moody()

    async def ask() -> str:
        transport = httpx.MockTransport(moody)
        async with AsyncClient("http://booth.test", transport=transport, retry=SOON) as booth:
            return (await booth.classify(PHOTO)).model

    assert asyncio.run(ask()) == "places365"
    assert moody.asked == 3


def test_the_last_refusal_is_raised() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return refusal(errors.RateLimited("too many", retry_after_s=3))

    with client(answer, retry=ONCE) as booth, pytest.raises(errors.RateLimited) as caught:
        booth.classify(PHOTO)
    assert caught.value.retry_after_s == 3
    assert not client(answer, retry=SOON).ready()
    assert asked == ["/classify", "/readyz"]


def test_an_answer_that_breaks_off_is_not_asked_for_again() -> None:
    asked: list[int] = []

    class Cut(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"{"
            raise httpx.ReadError("reset")

    def answer(_: httpx.Request) -> httpx.Response:
        asked.append(1)
        return httpx.Response(200, stream=Cut())

    with client(answer, retry=SOON) as booth, pytest.raises(ServiceUnreachable):
        booth.models()
    assert asked == [1]


def test_of_many_photographs_each_gives_its_answer_or_its_error(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.read() == PHOTO:
            return respond(request)
        return refusal(errors.BadImage("it is damaged"))

    photos: list[Photo] = [PHOTO, b"damaged", tmp_path / "none.jpg", PHOTO]
    kinds = ["Answer", "BadImage", "FileNotFoundError", "Answer"]

    async def ask() -> list[str]:
        transport = httpx.MockTransport(answer)
        async with AsyncClient("http://booth.test", transport=transport) as booth:
            return [type(one).__name__ async for one in booth.classify_many(photos, concurrency=2)]

    with client(answer) as booth:
        assert [type(one).__name__ for one in booth.classify_many(photos, concurrency=2)] == kinds
        with pytest.raises(ValueError, match="concurrency must be at least 1, and not 0"):
            booth.classify_many(photos, concurrency=0)
    assert asyncio.run(ask()) == kinds


def test_a_body_that_can_t_be_unpacked_is_no_booth_s() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        cut = httpx.ByteStream(gzip.compress(b"{}")[:-9] + b"junk" * 8)
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=cut)

    with client(answer) as booth, pytest.raises(ServiceUnreachable):
        booth.models()


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
    with Client(retry=ONCE) as booth, pytest.raises(ServiceUnreachable, match=f":{closed_port};"):
        booth.models()


@pytest.mark.parametrize("url", ["localhost:8000", "booth", "http://", "http://a:b", "ftp://a"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="write it as http://"):
        Client(url)


def test_each_method_gives_what_the_service_says(tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(PHOTO)
    with client(respond) as booth:
        assert booth.classify(file).predictions[0].index == 61
        assert len(list(booth.classify_many([file]))) == 1
        assert booth.models()[0].labels == 2
        assert booth.card("places365") == CARD
        assert booth.labels("places365") == list(CARD.labels)
        assert booth.sources() == [SOURCE]
        assert booth.layers("places365").layers[0].receptive_field.first_centre == [1.5, 1.5]
        assert booth.filters("places365", "fc").filters[0].kernel == [[[1.5, -2]]]
        assert booth.ready()


def test_the_async_client_says_the_same(tmp_path: Path, closed_port: int) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(PHOTO)
    transport = httpx.MockTransport(respond)

    async def ask() -> None:
        async with AsyncClient("http://booth.test", transport=transport) as booth:
            assert (await booth.classify(file)).predictions[0].index == 61
            assert len([one async for one in booth.classify_many([file])]) == 1
            assert (await booth.models())[0].labels == 2
            assert await booth.card("places365") == CARD
            assert await booth.labels("places365") == list(CARD.labels)
            assert await booth.sources() == [SOURCE]
            assert (await booth.layers("places365")).input.size == 224
            assert (await booth.filters("places365", "fc")).shape == [1, 1, 2, 4]
            assert await booth.ready()
        async with AsyncClient(f"http://127.0.0.1:{closed_port}", retry=ONCE) as nobody:
            assert [one async for one in nobody.classify_many([])] == []
            assert not await nobody.ready()
            with pytest.raises(ServiceUnreachable):
                await nobody.models()

    asyncio.run(ask())


@pytest.fixture
def closed_port() -> int:
    return free_port()


def test_a_real_service_is_understood(server: str, photos: dict[str, bytes]) -> None:
    with Client(server) as booth:
        assert booth.ready()
        model, objects, _ = booth.models()
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
        (empty,) = booth.classify_many([b""])
        assert isinstance(empty, errors.BadImage)
        with pytest.raises(errors.UnknownModel):
            booth.classify(photos["coffee"], model="none")
        with pytest.raises(errors.InvalidParameter):
            booth.classify(photos["coffee"], top_k=0)
