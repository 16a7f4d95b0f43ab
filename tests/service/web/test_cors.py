"""CORS: other sites' pages get what the setting lets them have, errors too, and nothing without."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.settings import BadSettings, read_settings
from tests.browsers import launched
from tests.servers import Inside, Serve, ServeInside, on_a_thread
from tests.service.asking import RED, problem

SITE = "https://app.example.org"
KEY = "a-key-of-the-tests"
LEAVE = "access-control-allow-origin"
PATHS = ["/classify", "/models", "/models/tiny/labels", "/livez", "/metrics", "/openapi.json"]


@pytest.fixture
def service(serve_inside: ServeInside) -> Iterator[Inside]:
    with serve_inside(cors_origins=f"{SITE}/, http://localhost:3000", api_keys=KEY) as running:
        yield running


def preflight(url: str, origin: str = SITE, method: str = "POST") -> httpx.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    headers = {**asked, "Access-Control-Request-Headers": "authorization,content-type"}
    return httpx.options(url, headers=headers)


def listed(response: httpx.Response, header: str) -> set[str]:
    return {one.strip().lower() for one in response.headers[header].split(",")}


@pytest.mark.parametrize("path", [*PATHS, "/nothing"])
def test_a_preflight_needs_no_key_on_any_route(service: Inside, path: str) -> None:
    answer = preflight(f"{service.url}{path}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers[LEAVE] == SITE
    assert listed(answer, "access-control-allow-methods") == {"get", "head", "post"}
    assert {"authorization", "content-type", "if-none-match", "x-request-id"} <= listed(
        answer, "access-control-allow-headers"
    )
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers


def test_answers_and_errors_may_be_read_with_the_headers_that_matter(service: Inside) -> None:
    url, key = f"{service.url}/classify", {"Authorization": f"Bearer {KEY}"}
    answers = [
        httpx.post(url, content=RED, headers={"Origin": SITE, **key}),
        httpx.post(url, content=b"text", headers={"Origin": SITE, **key}),
        httpx.post(f"{url}?x=1", content=RED, headers={"Origin": SITE, **key}),
        httpx.post(url, content=RED, headers={"Origin": SITE}),
        httpx.get(f"{service.url}/nothing", headers={"Origin": SITE, **key}),
        httpx.get(url, headers={"Origin": SITE, **key}),
        httpx.get(f"{service.url}/livez", headers={"Origin": "http://localhost:3000"}),
    ]
    assert [one.status_code for one in answers] == [200, 415, 422, 401, 404, 405, 200]
    for one in answers:
        assert one.headers[LEAVE] == one.request.headers["origin"]
        assert {"retry-after", "x-request-id", "etag"} <= listed(
            one, "access-control-expose-headers"
        )
        assert one.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", f"{SITE}.evil.example", "http://app.example.org", "null", ""]
)
def test_other_sites_get_no_leave(service: Inside, origin: str) -> None:
    refused = preflight(f"{service.url}/classify", origin)
    assert "BOOTH_CORS_ORIGINS" in problem(refused, 403, "forbidden")
    answer = httpx.get(f"{service.url}/livez", headers={"Origin": origin})
    for one in (refused, answer, httpx.get(f"{service.url}/livez")):
        assert LEAVE not in one.headers
        assert one.headers["vary"] == "Origin"


def test_an_options_that_is_no_preflight_is_none(service: Inside) -> None:
    problem(httpx.options(f"{service.url}/classify", headers={"Origin": SITE}), 401, "unauthorized")


def test_a_star_is_all_sites_and_still_not_the_page_s_own_routes(
    serve_inside: ServeInside,
) -> None:
    with serve_inside(cors_origins="*") as service:
        assert preflight(f"{service.url}/classify", "null").headers[LEAVE] == "*"
        answer = httpx.post(
            f"{service.url}/classify", content=RED, headers={"Origin": "https://any.example"}
        )
        assert answer.headers[LEAVE] == "*"
        for path in ("/", "/patches", "/page/samples/coffee.jpg"):
            closed = preflight(f"{service.url}{path}")
            assert closed.status_code >= 400
            assert LEAVE not in closed.headers


def test_without_the_setting_there_is_nothing_of_it(tiny_server: str) -> None:
    assert preflight(f"{tiny_server}/classify").status_code == 405
    answer = httpx.get(f"{tiny_server}/livez", headers={"Origin": SITE})
    assert not {LEAVE, "vary"} & set(answer.headers)


@pytest.mark.parametrize(
    "value", ["app.example.org", "https://", "https://a/b", "https://*.a", "null", "https://a:b"]
)
def test_what_is_no_origin_stops_the_start(value: str) -> None:
    with pytest.raises(BadSettings, match=r"such as https://app\.example\.org"):
        read_settings({"BOOTH_CORS_ORIGINS": value})


def test_origins_are_written_as_browsers_write_them() -> None:
    given = "HTTPS://App.example:443/,http://a:80, http://[::1]:3000, https://b:80"
    assert read_settings({"BOOTH_CORS_ORIGINS": given}).cors_origins == (
        *("https://app.example", "http://a"),
        *("http://[::1]:3000", "https://b:80"),
    )


ASK = """async ([url, key]) => {
  const form = new FormData();
  form.append("photo", new Blob([Uint8Array.from(atob("aGk="), (one) => one.charCodeAt(0))]), "a");
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  try {
    const answer = await fetch(url, { method: "POST", body: form, headers });
    return [answer.status, (await answer.json()).type, answer.headers.has("X-Request-ID")];
  } catch (error) { return [0, error.name, false]; }
}"""


class _Site(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_browser_lets_another_site_s_page_ask_only_where_it_may(
    serve: Serve, tiny: Path, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("<title>Another site</title>", "utf-8")

    def handler(*given: Any) -> _Site:
        return _Site(*given, directory=str(tmp_path))

    with (
        ThreadingHTTPServer(("127.0.0.1", 0), handler) as other,
        on_a_thread(other),
        launched() as browser,
        browser.new_page() as page,
    ):
        site = f"http://localhost:{other.server_port}"
        page.goto(site)
        with serve(models=tiny, cors_origins=site, api_keys=KEY) as service:
            url = f"{service.url}/classify"
            assert page.evaluate(ASK, [url, KEY]) == [415, "/problems/unsupported-format", True]
            assert page.evaluate(ASK, [url, ""]) == [401, "/problems/unauthorized", True]
        with serve(models=tiny) as service:
            assert page.evaluate(ASK, [f"{service.url}/classify", ""]) == [0, "TypeError", False]
