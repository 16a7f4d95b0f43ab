"""What a request carries from layer to layer: each request its own."""

from __future__ import annotations

from typing import Any

import pytest

from service.telemetry.record import RequestRecord
from service.web.scope import (
    DISCONNECT,
    Disconnect,
    client_of,
    disconnect_of,
    is_page,
    mark_page,
    record_of,
    start_record,
)


def test_a_layer_below_finds_the_record_that_one_above_has_started() -> None:
    scope: dict[str, Any] = {"type": "http"}
    record = RequestRecord("an-id", "GET", "/", start=0.0)
    start_record(scope, record)
    # An application in the application gets a copy of the scope, as Starlette's Mount makes one.
    assert record_of({**scope, "path": "/below"}) is record
    with pytest.raises(KeyError):
        record_of({"type": "http"})


def test_who_is_concerned_is_told_that_the_client_left() -> None:
    disconnect, told = Disconnect(), list[str]()
    scope: dict[str, Any] = {"state": {DISCONNECT: disconnect}}

    def tell() -> None:
        told.append("gone")

    disconnect_of(scope).add(tell)
    disconnect_of(scope).add(lambda: told.append("also"))
    assert (told, disconnect.happened) == ([], False)
    disconnect.happen()
    assert (sorted(told), disconnect.happened) == (["also", "gone"], True)
    disconnect.discard(tell)
    disconnect.happen()
    assert sorted(told) == ["also", "also", "gone"]


def test_who_comes_after_the_client_left_is_told_at_once() -> None:
    disconnect, told = Disconnect(), list[str]()
    disconnect.happen()
    disconnect.add(lambda: told.append("gone"))
    assert told == ["gone"]


def test_where_the_server_tells_nothing_it_never_happens() -> None:
    scope: dict[str, Any] = {}
    assert disconnect_of(scope) is disconnect_of(scope)
    assert not disconnect_of(scope).happened


def test_a_request_is_the_pages_only_while_it_is_marked() -> None:
    scope: dict[str, Any] = {}
    assert not is_page(scope)
    mark_page(scope, page=True)
    assert is_page(scope)
    mark_page(scope, page=False)
    assert not is_page(scope)


def test_a_client_is_its_address_where_it_has_one() -> None:
    assert client_of({"client": ("192.0.2.1", 50_000)}) == "192.0.2.1"
    assert client_of({"client": None}) == ""
    assert client_of({}) == ""
