"""``grpc.health.v1``: whether traffic is welcome."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from service.grpc import health as under_test
from service.grpc.messages import health
from tests.service.grpc.calling import Client, refused
from tests.service.grpc.conftest import Speak

WATCH = "/grpc.health.v1.Health/Watch"


def watching(client: Client, service: str = "") -> Any:
    """The statuses of a service, as they come."""
    sent = health["HealthCheckRequest"](service=service).SerializeToString()
    call = client.channel.unary_stream(WATCH)(sent, timeout=10, wait_for_ready=True)
    return (health["HealthCheckResponse"].FromString(one).status for one in call)


@pytest.mark.parametrize("service", ["", "inference.GRPCInferenceService", "grpc.health.v1.Health"])
def test_a_service_is_served(client: Client, service: str) -> None:
    assert client.health(service) == 1


def test_an_unknown_service_is_not_found(client: Client) -> None:
    sentence = refused(grpc.StatusCode.NOT_FOUND, lambda: client.health("other"))
    assert sentence.startswith("There is no service of that name here")
    assert next(watching(client, "other")) == 3


def test_what_is_no_request_is_refused(client: Client) -> None:
    sent = b"\x0a\x02\xff\xfe"
    refused(
        grpc.StatusCode.INVALID_ARGUMENT, lambda: client.raw(sent, "grpc.health.v1.Health/Check")
    )
    watch = client.channel.unary_stream(WATCH)
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: next(watch(sent, timeout=10)))


def test_who_watches_sees_the_end_and_it_is_not_waited_for(speak: Speak) -> None:
    with speak() as (inside, client):
        statuses = watching(client)
        assert next(statuses) == 1
        inside.state.draining = True
        assert next(statuses) == 2
        assert client.health() == 2
        assert not client.ask("ServerReady").ready
        inside.state.draining = False
        assert next(statuses) == 1
        inside.server.should_exit = True
        assert list(statuses) == [2]


def test_few_may_watch(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_MOST_WATCHERS", 0)
    refused(grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: next(watching(client)))


def test_one_address_gets_half_of_the_places(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "_MOST_OF_ONE", 1)
    first = watching(client)
    assert next(first) == 1
    refused(grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: next(watching(client)))


@pytest.mark.parametrize(
    "method", ["grpc.health.v1.Health/Check", "inference.GRPCInferenceService/ModelReady"]
)
def test_a_long_name_is_refused_before_it_is_parsed(client: Client, method: str) -> None:
    sent = b"\x0a\x00" * 5000
    sentence = refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: client.raw(sent, method))
    assert sentence.startswith("The message has 10000 bytes")


def test_it_is_told_even_without_memory(speak: Speak) -> None:
    with speak() as (inside, client):
        inside.state.memory.size = 0
        assert client.health("other") == 1
