"""What the page tells browsers: on every route, of errors as well."""

from __future__ import annotations

import httpx
import pytest

from demo.assets import ASSETS
from demo.headers import POLICY

# One worker starts the service, and all of these use it.
pytestmark = pytest.mark.xdist_group("page")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/config"),
        ("GET", "/theme.css"),
        ("GET", "/favicon.ico"),
        ("GET", "/page/samples/coffee.jpg"),
        ("GET", "/nothing"),
        ("GET", "/patches"),
        ("GET", "/manifest.json"),
        ("GET", f"/page/{ASSETS.digest}/js/main.js"),
        ("GET", "/page/thumbnails/coffee.jpg"),
        ("POST", "/page/photos"),
    ],
)
@pytest.mark.parametrize("place", ["site", "orphan"])
def test_every_answer_says_what_a_browser_may_do(
    request: pytest.FixtureRequest, place: str, method: str, path: str
) -> None:
    headers = httpx.request(method, request.getfixturevalue(place) + path).headers
    for name in ("content-security-policy", "x-content-type-options", "referrer-policy"):
        assert len(headers.get_list(name)) == 1
    assert "frame-ancestors" in headers["content-security-policy"]


def test_the_page_may_be_shown_in_a_frame_of_its_own_host_alone() -> None:
    assert "frame-ancestors 'self'" in POLICY
    assert "http" not in POLICY
