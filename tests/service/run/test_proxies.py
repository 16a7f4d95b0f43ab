"""Behind proxies: paths without their prefix, whoever takes that off; no stranger is believed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from service.run.proxies import PathPrefix, networks_of
from service.settings import BadSettings, read_settings
from service.web.scope import prefix_of
from tests.servers import Serve, ServeInside, proxied
from tests.service.asking import RED, first, problem


def test_networks_of_ipv4_are_known_to_a_socket_of_both_kinds() -> None:
    assert networks_of(("10.0.0.0/8", "::1")) == ["10.0.0.0/8", "::1/128", "::ffff:10.0.0.0/104"]


def seen(path: str, *named: str, root_path: str = "", client: str = "10.1.1.1") -> tuple[str, str]:
    """The path and the prefix that the service sees."""
    told: list[tuple[str, str]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        told.append((scope["path"], prefix_of(scope)))

    headers = [(b"x-forwarded-prefix", one.encode()) for one in named]
    scope: dict[str, Any] = {"type": "http", "path": path, "headers": headers}
    scope["client"] = (client, 1)
    behind: Any = PathPrefix(app, root_path, ["10.0.0.0/8"])
    asyncio.run(behind(scope, None, None))
    return told[0]


@pytest.mark.parametrize(
    ("path", "inner"),
    [
        ("/booth/classify", "/classify"),
        ("/classify", "/classify"),
        ("/booth/", "/"),
        ("/booth", "/"),
        ("/boothclassify", "/boothclassify"),
        ("/booth/booth/x", "/booth/x"),
        ("/Booth/classify", "/Booth/classify"),
    ],
)
def test_a_prefix_is_taken_off_where_the_proxy_has_left_it(path: str, inner: str) -> None:
    assert seen(path, root_path="/booth") == (inner, "/booth")
    assert seen(path, "/booth") == (inner, "/booth")
    assert seen(path) == (path, "")


@pytest.mark.parametrize(
    ("named", "prefix"),
    [
        (["/booth"], "/booth"),
        (["/booth/"], "/booth"),
        (["/a, /b/c"], "/a/b/c"),
        (["/a", "/b"], "/a/b"),
        (["/a,,/,/b"], "/a/b"),
        (["/a-b.c_d~e@f+1"], "/a-b.c_d~e@f+1"),
        (["/"], ""),
        ([""], ""),
    ],
)
def test_a_proxy_names_the_prefix_and_several_name_theirs_in_order(
    named: list[str], prefix: str
) -> None:
    assert seen(f"{prefix}/models", *named) == ("/models", prefix)


@pytest.mark.parametrize(
    "named",
    [
        "//evil.example",
        "/a//evil.example",
        "booth",
        "https://evil.example/booth",
        "javascript:alert(1)",
        "/..",
        "/a/../b",
        "/./a",
        "/a\r\nSet-Cookie: a=b",
        "/a b",
        "/%2e%2e",
        "/a\\b",
        '/"><script>',
        "/a?b",
        "/a#b",
        "/\xe9",
        "/a, //b",
        "/models",
        "/docs/files",
        "/" + "a" * 300,
    ],
)
def test_what_is_no_prefix_is_passed_over(named: str) -> None:
    assert seen("/models", named) == ("/models", "")
    assert seen("/models", named, root_path="/booth") == ("/models", "/booth")


@pytest.mark.parametrize("client", ["11.1.1.1", "", "unix"])
def test_a_stranger_s_prefix_is_passed_over(client: str) -> None:
    assert seen("/a/models", "/a", client=client) == ("/a/models", "")


@pytest.mark.parametrize("value", ["booth", "/a//b", "/..", "/models", "http://x/booth", "/a b"])
def test_a_setting_that_is_no_prefix_stops_the_start(value: str) -> None:
    with pytest.raises(BadSettings, match="BOOTH_ROOT_PATH"):
        read_settings({"BOOTH_ROOT_PATH": value})


@pytest.mark.parametrize(("value", "path"), [("/a/b/", "/a/b"), ("/", ""), ("", "")])
def test_a_slash_behind_the_setting_says_nothing(value: str, path: str) -> None:
    assert read_settings({"BOOTH_ROOT_PATH": value}).root_path == path


def test_no_prefix_of_the_service_s_own_is_possible(serve_inside: ServeInside) -> None:
    with serve_inside() as service:
        paths = httpx.get(f"{service.url}/openapi.json").json()["paths"]
    for path in (*paths, "/docs", "/openapi.json"):
        with pytest.raises(BadSettings, match="Booth's own"):
            read_settings({"BOOTH_ROOT_PATH": f"/{path.split('/')[1]}"})


@pytest.mark.parametrize("strips", [True, False])
def test_the_api_answers_under_the_prefix(serve: Serve, tiny: Path, strips: bool) -> None:
    with (
        serve(models=tiny, root_path="/a/booth") as service,
        proxied(service.url, "/a/booth", strips=strips) as front,
    ):
        assert first(httpx.post(f"{front}/classify", content=RED).json()) == "Red"
        assert httpx.get(f"{front}/models/tiny").json()["name"] == "tiny"
        assert httpx.get(f"{front}/metrics").text.startswith("# HELP")
        assert httpx.head(f"{front}/readyz").status_code == 200
        assert httpx.get(f"{service.url}/readyz").status_code == 200
        assert httpx.get(f"{front}/openapi.json").json()["servers"] == [{"url": "/a/booth"}]
        docs = httpx.get(f"{front}/docs").text
        assert "'openapi.json'" in docs
        assert httpx.get(f"{front}/docs/files/swagger-ui.css").status_code == 200
        detail = problem(httpx.get(f"{front}/nothing"), 404, "not-found")
        assert detail == "There is nothing at /nothing; the routes are listed at /a/booth/docs."
