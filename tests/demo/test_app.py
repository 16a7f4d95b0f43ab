"""The page as an app: in a process of its own, whose service is away."""

from __future__ import annotations

import os
from typing import Any

import httpx
import pytest

from demo.app import create_app
from demo.samples import SAMPLES


def test_the_page_is_shown_without_a_service(orphan: str) -> None:
    shown = httpx.get(orphan)
    assert shown.status_code == 200
    assert "A photograph in, five labels out." in shown.text


def test_the_samples_are_there(orphan: str) -> None:
    photo = httpx.get(f"{orphan}/page/samples/{SAMPLES[0].file}")
    assert photo.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    "parts",
    [
        [("files", ("", b"GIF89a"))],
        [("files", (None, b"GIF89a"))],
        [("files", ("../../etc/passwd", b"GIF89a"))],
        [("a", ("a", b"GIF89a")), ("b", ("b", b""))],
    ],
)
def test_a_form_is_no_photograph_of_the_page_whatever_its_files_are_called(
    orphan: str, parts: list[Any]
) -> None:
    for url in (f"{orphan}/page/photos", f"{orphan}/gradio_api/upload"):
        refused = httpx.post(url, files=parts)
        assert refused.status_code in (404, 422)
        assert refused.headers["content-type"] == "application/problem+json"
    assert "the photograph's bytes alone" in httpx.post(f"{orphan}/page/photos", files=parts).text


def test_a_folder_of_the_page_is_no_file(orphan: str) -> None:
    refused = httpx.get(f"{orphan}/static/img")
    assert refused.json()["detail"] == "This is no file of the page; the page is at /."


def test_what_the_page_does_not_need_is_closed(orphan: str) -> None:
    assert httpx.get(f"{orphan}/gradio_api/info").status_code == 404


def test_gradio_reports_to_nobody() -> None:
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="write it as http://"):
        create_app("booth")
