"""Who may manage models: nobody without a key for that, and no such route where there are none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import Request
from starlette.exceptions import HTTPException

from booth_client.errors import Forbidden, RateLimited, Unauthorized
from service.settings import read_settings
from service.web.api_keys import ApiKeys
from service.web.management import check_management
from tests.service.web.test_access_control import ControlledApp


def check(key: str = "", **settings: str) -> None:
    given = {f"BOOTH_{name.upper()}": value for name, value in settings.items()}
    state = cast("Any", SimpleNamespace(api_keys=ApiKeys(read_settings(given))))
    headers = [(b"authorization", f"Bearer {key}".encode())] if key else []
    check_management(Request({"type": "http", "headers": headers}), state)


@pytest.mark.parametrize("api_keys", ["", "ordinary"])
def test_a_management_key_manages(api_keys: str) -> None:
    check("manager", management_keys="manager,other", api_keys=api_keys)


@pytest.mark.parametrize("api_keys", ["", "ordinary"])
@pytest.mark.parametrize("key", ["", "guess", "manager2"])
def test_nothing_else_does(key: str, api_keys: str) -> None:
    with pytest.raises(Unauthorized):
        check(key, management_keys="manager", api_keys=api_keys)


def test_an_ordinary_key_is_told_that_it_may_not() -> None:
    with pytest.raises(Forbidden):
        check("ordinary", management_keys="manager", api_keys="ordinary")


@pytest.mark.parametrize("key", ["", "ordinary", "guess"])
def test_without_management_keys_there_is_no_such_route(key: str) -> None:
    with pytest.raises(HTTPException) as refusal:
        check(key, api_keys="ordinary")
    assert refusal.value.status_code == 404


def test_a_management_key_opens_what_an_ordinary_one_opens() -> None:
    app = ControlledApp(api_keys="ordinary", management_keys="manager")
    assert app.ask(b"Bearer manager")
    with pytest.raises(Unauthorized):
        app.ask(b"Bearer guess")


def test_management_keys_alone_close_nothing_else() -> None:
    app = ControlledApp(management_keys="manager")
    assert app.ask()
    assert app.ask(b"Bearer guess")


def test_a_manager_has_a_rate_of_its_own_and_guesses_count_for_the_address() -> None:
    app = ControlledApp(management_keys="manager", rate_limit_per_minute="2")
    assert all(app.ask(b"Bearer guess", path="/models/tiny/load") for _ in range(2))
    with pytest.raises(RateLimited):
        app.ask(b"Bearer guess", path="/models/tiny/load")
    assert all(app.ask(b"Bearer manager", path="/models/tiny/load") for _ in range(2))
    with pytest.raises(RateLimited):
        app.ask(b"Bearer manager", path="/models/tiny/load")
