"""``python -m demo``; that it serves the page, the browser's tests show."""

from __future__ import annotations

from typing import Any

import pytest
import uvicorn
from click.testing import CliRunner

from demo.command import main
from demo.forward import Forward
from demo.visits import Protocol


def test_an_address_that_is_none_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["--url", "booth"])
    assert result.exit_code == 2
    assert "write it as http://" in result.output


@pytest.mark.parametrize(
    ("arguments", "links"),
    [([], "http://booth.test:1"), (["--links", "https://photos.test"], "https://photos.test")],
)
def test_the_service_comes_from_the_environment_and_its_links_with_it(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], links: str
) -> None:
    made: list[Any] = []

    def create_app(forward: Forward, **given: Any) -> None:
        made.append((forward, given))

    monkeypatch.setattr("demo.command.create_app", create_app)
    monkeypatch.setattr(uvicorn, "run", lambda _app, **given: made.append(given))
    environment = {
        "BOOTH_URL": "http://booth.test:1",
        "BOOTH_API_KEY": "secret",
        "BOOTH_RATE_LIMIT_PER_MINUTE": "7",
    }
    result = CliRunner().invoke(main, ["--port", "0", *arguments], env=environment)
    assert result.exit_code == 0
    (forward, page), server = made
    assert str(forward._service.base_url) == "http://booth.test:1"
    assert forward._service.headers["authorization"] == "Bearer secret"
    assert page == {"links": links, "rate_limit_per_minute": 7}
    assert (server["host"], server["port"], server["http"]) == ("127.0.0.1", 0, Protocol)
    assert server["proxy_headers"] is False


def test_only_named_proxies_are_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[dict[str, Any]] = []
    monkeypatch.setattr("demo.command.create_app", lambda *_, **__: "page")
    monkeypatch.setattr(uvicorn, "run", lambda _app, **given: run.append(given))
    environment = {"BOOTH_TRUSTED_PROXIES": "192.0.2.1, 2001:db8::/32"}
    assert CliRunner().invoke(main, [], env=environment).exit_code == 0
    assert run[0]["proxy_headers"]
    assert run[0]["forwarded_allow_ips"] == ["192.0.2.1/32", "2001:db8::/32"]
    refused = CliRunner().invoke(main, ["--trusted-proxies", "proxy"])
    assert refused.exit_code == 2
    assert "192.0.2.0/24" in refused.output


@pytest.mark.parametrize("path", ["booth", "//evil.example", "/a/../b"])
def test_a_prefix_that_is_none_is_a_usage_error(path: str) -> None:
    result = CliRunner().invoke(main, ["--root-path", path])
    assert result.exit_code == 2
    assert "such as /booth" in result.output


def test_a_prefix_stands_before_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[Any] = []
    monkeypatch.setattr("demo.command.create_app", lambda *_, **__: "page")
    monkeypatch.setattr(uvicorn, "run", lambda app, **_: run.append(app._app))
    environment = {"BOOTH_ROOT_PATH": "/booth/"}
    assert CliRunner().invoke(main, [], env=environment).exit_code == 0
    assert CliRunner().invoke(main, [], env={"BOOTH_ROOT_PATH": ""}).exit_code == 0
    assert (run[0]._prefix, run[1]) == ("/booth", "page")
