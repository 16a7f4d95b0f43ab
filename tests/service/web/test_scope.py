"""What a request carries from layer to layer: each request its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from service.telemetry.record import RequestRecord
from service.web.scope import (
    ON_DISCONNECT,
    is_page,
    mark_page,
    on_disconnect,
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


def test_the_connections_own_callbacks_are_those_that_are_added_to() -> None:
    told: list[str] = []
    of_connection: set[Callable[[], None]] = {lambda: told.append("gone")}
    scope: dict[str, Any] = {"state": {ON_DISCONNECT: of_connection}}
    on_disconnect(scope).add(lambda: told.append("also"))
    for tell in of_connection:
        tell()
    assert sorted(told) == ["also", "gone"]


def test_without_a_connection_that_tells_nothing_is_lost() -> None:
    scope: dict[str, Any] = {}
    told: list[str] = []
    on_disconnect(scope).add(told.clear)
    assert on_disconnect(scope) == {told.clear}


def test_a_request_is_the_pages_only_while_it_is_marked() -> None:
    scope: dict[str, Any] = {}
    assert not is_page(scope)
    mark_page(scope, page=True)
    assert is_page(scope)
    mark_page(scope, page=False)
    assert not is_page(scope)
