"""The page as an app: in a process of its own, whose service is away."""

from __future__ import annotations

import os

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


def test_what_the_page_does_not_need_is_closed(orphan: str) -> None:
    assert httpx.get(f"{orphan}/gradio_api/info").status_code == 404


def test_gradio_reports_to_nobody() -> None:
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="write it as http://"):
        create_app("booth")
