"""Keys and rates: what gets by, what does not, and who counts as one client."""

from __future__ import annotations

import asyncio
import tracemalloc
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from booth_client.errors import RateLimited, Unauthorized
from service.settings import read_settings
from service.web import access_control
from service.web.access_control import AccessControl, RateLimiter, client_network
from service.web.api_keys import ApiKeys
from service.web.scope import client_of, count_more
from tests.servers import ServeInside
from tests.service.asking import BLUE, RED, first, problem


class Inner:
    """What stands behind the access control; it keeps who came through."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.clients: list[str] = []
        self.photographs = 1

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        del receive, send
        self.seen.append(scope["path"])
        self.clients.append(client_of(scope))
        count_more(scope, self.photographs - 1)


class ControlledApp:
    def __init__(self, **settings: str) -> None:
        self.inner = Inner()
        given = {f"BOOTH_{name.upper()}": value for name, value in settings.items()}
        read = read_settings(given)
        self._app = AccessControl(self.inner, ApiKeys(read), read.rate_limit_per_minute)

    def ask(
        self, key: bytes = b"", path: str = "/classify", method: str = "POST", client: str = "one"
    ) -> bool:
        headers = [(b"authorization", key)] if key else []
        scope = {"type": "http", "path": path, "method": method, "headers": headers}
        nothing: Any = None
        asyncio.run(self._app({**scope, "client": (client, 1)}, nothing, nothing))
        return path in self.inner.seen


@pytest.mark.parametrize("key", [b"Bearer one", b"bearer  one ", "Bearer zw\u00f6".encode()])
def test_a_key_opens(key: bytes) -> None:
    assert ControlledApp(api_keys="one,zw\u00f6").ask(key)


@pytest.mark.parametrize("key", [b"", b"one", b"Bearer", b"Bearer one two", b"Basic one"])
def test_anything_else_does_not(key: bytes) -> None:
    app = ControlledApp(api_keys="one,two")
    with pytest.raises(Unauthorized):
        app.ask(key)
    assert app.inner.seen == []


@pytest.mark.parametrize("path", ["/", "/models", "/a/route/that/is/new", "/livez/", "/Livez"])
def test_whatever_is_not_on_the_list_is_closed(path: str) -> None:
    with pytest.raises(Unauthorized):
        ControlledApp(api_keys="one").ask(path=path, method="GET")


@pytest.mark.parametrize(
    "path",
    [
        *("/livez", "/readyz", "/metrics", "/docs", "/openapi.json"),
        *("/v2/health/live", "/v2/health/ready"),
    ],
)
def test_who_watches_needs_no_key_and_has_no_limit(path: str) -> None:
    app = ControlledApp(api_keys="one", rate_limit_per_minute="1")
    assert all(app.ask(path=path, method="GET") for _ in range(5))


def test_guessing_keys_has_its_limit_but_locks_out_nobody_with_a_key() -> None:
    app = ControlledApp(api_keys="one", rate_limit_per_minute="2")
    for _ in range(2):
        with pytest.raises(Unauthorized):
            app.ask(b"Bearer guess")
    with pytest.raises(RateLimited):
        app.ask(b"Bearer another guess")
    assert app.ask(b"Bearer one")
    with pytest.raises(Unauthorized):
        app.ask(b"Bearer guess", client="two")


def test_a_key_has_a_rate_of_its_own_from_wherever_it_is_sent() -> None:
    app = ControlledApp(api_keys="one,two", rate_limit_per_minute="2")
    assert app.ask(b"Bearer one", client="here")
    assert app.ask(b"Bearer one", client="there")
    with pytest.raises(RateLimited):
        app.ask(b"Bearer one", client="elsewhere")
    assert app.ask(b"Bearer two", client="here")


def test_photographs_count_not_requests() -> None:
    app = ControlledApp(rate_limit_per_minute="5")
    app.inner.photographs = 4
    assert app.ask()
    with pytest.raises(RateLimited, match="send fewer at once"):
        app.ask()
    with pytest.raises(RateLimited):  # the one request counted, its photographs did not
        app.ask()
    assert app.ask(client="another")


def test_who_asks_is_told_inside_whether_or_not_there_is_a_limit() -> None:
    open_app = ControlledApp()
    open_app.ask(client="192.0.2.7")
    open_app.ask(client="2001:db8::1")
    assert open_app.inner.clients == ["192.0.2.7", "2001:db8::/64"]
    with_keys = ControlledApp(api_keys="one")
    with_keys.ask(b"Bearer one", client="192.0.2.7")
    assert with_keys.inner.clients == [f"key:{sha256(b'one').hexdigest()[:16]}"]


def test_guessing_keys_has_its_limit_on_every_path() -> None:
    app = ControlledApp(api_keys="one", rate_limit_per_minute="2")
    for path in ("/", "/nothing"):
        with pytest.raises(Unauthorized):
            app.ask(b"Bearer guess", path=path, method="GET")
    with pytest.raises(RateLimited):
        app.ask(b"Bearer guess", path="/assets/one.js", method="GET")


def test_a_front_that_is_new_is_limited_by_itself() -> None:
    app = ControlledApp(rate_limit_per_minute="1")
    assert app.ask(path="/v2/health", method="GET")
    with pytest.raises(RateLimited):
        app.ask(path="/v2/health", method="GET")


def test_the_pages_files_have_no_limit_but_what_it_sends_has() -> None:
    app = ControlledApp(rate_limit_per_minute="1")
    assert all(app.ask(path=f"/assets/{n}.js", method="GET") for n in range(30))
    assert app.ask(path="/page/photos")
    with pytest.raises(RateLimited):
        app.ask(path="/page/photos")


def test_the_window_slides() -> None:
    rate_limiter = RateLimiter()
    assert [rate_limiter.hit("a", 4, 30.0) for _ in range(5)] == [0, 0, 0, 0, 30.0]
    assert rate_limiter.hit("b", 4, 30.0) == 0
    assert rate_limiter.hit("a", 4, 60.0) == 60.0  # all four are still in the window
    assert rate_limiter.hit("a", 4, 90.0) == 0  # two of them are
    assert rate_limiter.hit("a", 4, 90.0) == 0
    assert rate_limiter.hit("a", 4, 90.0) == 30.0
    assert rate_limiter.hit("a", 1, 240.0) == 0  # minutes later none is


def test_two_minutes_of_clients_are_remembered() -> None:
    rate_limiter = RateLimiter()
    for number in range(1000):
        rate_limiter.hit(str(number), 4, number)
    assert len(rate_limiter._current) + len(rate_limiter._previous) <= 120


def test_a_flood_of_addresses_makes_the_oldest_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_control, "MOST_CLIENTS", 3)
    rate_limiter = RateLimiter()
    assert rate_limiter.hit("still here", 1, 0.0) == 0
    for number in range(100):
        assert rate_limiter.hit(f"flood {number}", 1, 0.0) == 0
        assert rate_limiter.hit("still here", 1, 0.0) == 60.0
    assert len(rate_limiter._current) == 3


def test_a_flood_of_addresses_takes_little_memory() -> None:
    rate_limiter = RateLimiter()
    tracemalloc.start()
    for number in range(300_000):
        rate_limiter.hit(f"2001:db8:{number:x}::/64", 4, 30.0 + number // 150_000 * 60)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 30e6


def test_who_has_a_network_of_addresses_is_one_client() -> None:
    neighbours = client_network("2001:db8:1:2:3::4"), client_network("2001:db8:1:2:ffff::")
    assert neighbours == ("2001:db8:1:2::/64", "2001:db8:1:2::/64")
    assert client_network("192.0.2.7") == "192.0.2.7"
    assert client_network("") == ""


def test_ipv4_clients_of_a_listener_on_all_addresses_are_not_one() -> None:
    assert client_network("::ffff:192.0.2.7") == "192.0.2.7"
    assert client_network("::1") == "::/64"
    assert client_network("fe80::1%eth0") == "fe80::/64"


def test_what_is_no_address_has_a_bounded_name() -> None:
    assert [len(client_network(host * 9999)) for host in ("x", "x:", "\0:")] == [64] * 3


def test_keys_are_asked_for_where_they_are_set(serve: Any, tiny: Path) -> None:
    with serve(models=tiny, api_keys="one,two") as server:
        url = f"{server.url}/classify"
        refused = httpx.post(url, content=RED)
        problem(refused, 401, "unauthorized")
        assert refused.headers["www-authenticate"].startswith("Bearer")
        wrong = httpx.post(url, content=RED, headers={"Authorization": "Bearer three"})
        problem(wrong, 401, "unauthorized")
        right = httpx.post(url, content=RED, headers={"Authorization": "Bearer two"})
        assert first(right.json()) == "Red"
        for open_route in ("livez", "readyz", "metrics"):
            assert httpx.get(f"{server.url}/{open_route}").status_code == 200
        assert "two" not in server.log.read_text()


def test_a_client_that_asks_too_often_is_slowed_down(serve_inside: ServeInside) -> None:
    with serve_inside(rate_limit_per_minute=3) as server:
        answers = [httpx.post(f"{server.url}/classify", content=RED) for _ in range(4)]
        assert [answer.status_code for answer in answers[:3]] == [200] * 3
        problem(answers[3], 429, "rate-limited")
        assert 1 <= int(answers[3].headers["retry-after"]) <= 60


def test_a_request_counts_as_its_photographs(serve_inside: ServeInside) -> None:
    with serve_inside(rate_limit_per_minute=5) as server:
        several = [("photo", RED), ("photo", BLUE), ("photo", RED)]
        assert httpx.post(f"{server.url}/classify", files=several).status_code == 200
        refused = httpx.post(f"{server.url}/classify", files=several)
        problem(refused, 429, "rate-limited")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
