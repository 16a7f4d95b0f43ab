"""The API's description to try, from this host alone."""

from __future__ import annotations

import re

import httpx


def test_the_page_and_its_files_come_from_here(tiny_server: str) -> None:
    page = httpx.get(f"{tiny_server}/docs")
    assert page.status_code == 200
    named = re.findall(r'(?:src|href)="([^"]+)"|url: \'([^\']+)\'', page.text)
    files = [one or other for one, other in named]
    assert [file for file in files if "//" in file] == []
    for file in set(files) - {"favicon.ico"}:  # the page's, which this server doesn't serve
        assert httpx.get(f"{tiny_server}/{file}").status_code == 200, file
    assert {"docs/files/swagger-ui-bundle.js", "openapi.json"} <= set(files)


def test_a_file_that_is_not_there_gets_the_one_shape_of_errors(tiny_server: str) -> None:
    missing = httpx.get(f"{tiny_server}/docs/files/../docs.py")
    assert (missing.status_code, missing.headers["content-type"]) == (
        404, "application/problem+json",
    )  # fmt: skip
