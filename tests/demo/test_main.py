"""``python -m demo``; that it serves the page, the browser's tests show."""

from __future__ import annotations

from typing import Any

import pytest
import uvicorn
from click.testing import CliRunner

from demo.__main__ import main


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
    made: list[dict[str, Any]] = []

    def create_app(url: str, api_key: str | None, links: str) -> None:
        made.append({"url": url, "api_key": api_key, "links": links})

    monkeypatch.setattr("demo.__main__.create_app", create_app)
    monkeypatch.setattr(uvicorn, "run", lambda _app, **given: made.append(given))
    environment = {"BOOTH_URL": "http://booth.test:1", "BOOTH_API_KEY": "secret"}
    result = CliRunner().invoke(main, ["--port", "0", *arguments], env=environment)
    assert result.exit_code == 0
    assert made == [
        {"url": "http://booth.test:1", "api_key": "secret", "links": links},
        {"host": "127.0.0.1", "port": 0, "log_level": "warning"},
    ]
