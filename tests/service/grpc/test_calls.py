"""Around every call: keys, rates, shares, and errors that nobody foresaw."""

from __future__ import annotations

from typing import Any

import grpc
import httpx
import pytest

from service.grpc import calls
from tests.service.asking import RED
from tests.service.grpc.calling import Client, refused
from tests.service.grpc.conftest import Speak

Code = grpc.StatusCode
KEY = [("authorization", "Bearer secret")]


def test_a_key_is_asked_for_as_over_http(speak: Speak) -> None:
    with speak(api_keys="secret") as (_, client):
        assert client.infer(RED, metadata=KEY)
        sentence = refused(Code.UNAUTHENTICATED, lambda: client.infer(RED))
        assert sentence == "Send a valid key: `Authorization: Bearer <key>`."
        wrong = [("authorization", "Bearer other")]
        refused(Code.UNAUTHENTICATED, lambda: client.infer(RED, metadata=wrong))
        for method in ("ServerMetadata", "ModelReady", "ModelMetadata", "RepositoryIndex"):
            refused(Code.UNAUTHENTICATED, lambda method=method: client.ask(method))  # type: ignore[misc]
        assert client.ask("ServerLive").live
        assert client.ask("ServerReady").ready
        assert client.health() == 1


def test_photographs_count_over_both_protocols(speak: Speak) -> None:
    with speak(rate_limit_per_minute=4) as (inside, client):
        client.infer(RED, RED)
        assert httpx.post(f"{inside.url}/classify", content=RED).is_success
        with pytest.raises(grpc.RpcError) as caught:
            client.infer(RED, RED)
        assert caught.value.code() is Code.RESOURCE_EXHAUSTED
        assert 0 < int(dict(caught.value.trailing_metadata())["grpc-retry-pushback-ms"]) <= 60_000
        assert httpx.post(f"{inside.url}/classify", content=RED).status_code == 429


def test_a_trusted_proxy_says_whose_call_it_is(speak: Speak) -> None:
    with speak(rate_limit_per_minute=1, trusted_proxies="127.0.0.1") as (_, client):
        for host in ("192.0.2.1", "192.0.2.2"):
            client.infer(RED, metadata=[("x-forwarded-for", host)])
        again = [("x-forwarded-for", "192.0.2.2")]
        refused(Code.RESOURCE_EXHAUSTED, lambda: client.infer(RED, metadata=again))


def test_one_client_may_not_have_all_calls(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_MOST_OF_ONE", 0)
    sentence = refused(Code.RESOURCE_EXHAUSTED, lambda: client.infer(RED))
    assert "one client may have" in sentence


def test_an_unforeseen_error_tells_an_id_alone(
    speak: Speak, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: object) -> Any:
        raise RuntimeError("secret")

    with speak() as (inside, client):
        monkeypatch.setattr(type(inside.state), "newest", broken)
        metadata = [("x-request-id", "mine")]
        sentence = refused(Code.INTERNAL, lambda: client.infer(RED, metadata=metadata))
    assert sentence == "Something failed on our side; name the id mine when you report it."
    assert "request_id=mine" in caplog.text


def test_a_message_that_does_not_come_is_not_waited_for(client: Client) -> None:
    import threading

    end = threading.Event()

    def nothing() -> Any:
        end.wait(10)
        yield from ()

    call = client.channel.stream_unary("/inference.GRPCInferenceService/ModelInfer")
    try:
        sentence = refused(Code.DEADLINE_EXCEEDED, lambda: call(nothing(), timeout=10))
    finally:
        end.set()
    assert sentence.startswith("The message was not complete after 0.3 s")
