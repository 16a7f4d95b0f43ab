"""What responses tell browsers."""

from __future__ import annotations

import httpx
import pytest

from service.web.headers import security_headers


@pytest.mark.parametrize("path", ["/models", "/livez", "/nothing", "/metrics", "/openapi.json"])
def test_an_answer_runs_and_loads_nothing_in_a_browser(tiny_server: str, path: str) -> None:
    headers = httpx.get(tiny_server + path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_errors_of_classify_have_them_too(tiny_server: str) -> None:
    headers = httpx.post(f"{tiny_server}/classify", content=b"no photograph").headers
    assert headers["x-content-type-options"] == "nosniff"


def test_the_docs_have_a_policy_of_their_own(tiny_server: str) -> None:
    policies = httpx.get(f"{tiny_server}/docs").headers.get_list("content-security-policy")
    assert len(policies) == 1
    assert "script-src 'self' 'unsafe-inline'" in policies[0]


def test_a_policy_of_its_own_is_left_to_a_response_and_nothing_stands_twice() -> None:
    policy = (b"content-security-policy", b"default-src 'self'")
    nosniff = (b"x-content-type-options", b"nosniff")
    added = security_headers([policy, nosniff])
    assert added == ((b"referrer-policy", b"no-referrer"),)
