"""The page as an app: in a process of its own, whose service is away."""

from __future__ import annotations

import asyncio
import os

import httpx
import pytest

from demo.app import create_app
from demo.views import VIEWS, View

# One worker starts the service, and all of these use it.
pytestmark = pytest.mark.xdist_group("page")


@pytest.mark.parametrize("view", VIEWS, ids=lambda one: one.name)
@pytest.mark.parametrize("place", ["site", "orphan"])
def test_each_view_is_shown_with_and_without_a_service(
    request: pytest.FixtureRequest, place: str, view: View
) -> None:
    shown = httpx.get(f"{request.getfixturevalue(place)}/{view.path}")
    assert (shown.status_code, shown.headers["content-encoding"]) == (200, "gzip")
    assert f'<p class="sentence">{view.sentence}</p>' in shown.text.replace("&#39;", "'")
    assert f'data-view="{view.name}"' in shown.text


@pytest.mark.parametrize("path", ["/page", "/page/", "/static/img", "/assets", "/page/samples"])
def test_a_folder_of_the_page_is_no_file(orphan: str, path: str) -> None:
    refused = httpx.get(f"{orphan}{path}")
    assert refused.status_code in (403, 404)
    assert refused.json()["detail"].endswith("the page is at /.")


def test_what_the_page_does_not_need_is_closed(orphan: str) -> None:
    assert httpx.get(f"{orphan}/gradio_api/info").status_code == 404


def test_the_manifest_names_what_is_there(orphan: str) -> None:
    manifest = httpx.get(f"{orphan}/manifest.json").raise_for_status().json()
    assert manifest["name"] == "Booth"
    for icon in manifest["icons"]:
        sent = httpx.get(httpx.URL(f"{orphan}/manifest.json").join(icon["src"]))
        assert (sent.status_code, sent.headers["content-type"]) == (200, icon["type"])
    start = httpx.URL(f"{orphan}/manifest.json").join(manifest["start_url"])
    assert httpx.get(start).is_success


def test_a_question_whose_service_is_away_is_answered_so(orphan: str) -> None:
    for answer in (httpx.get(f"{orphan}/models"), httpx.post(f"{orphan}/classify", content=b"a")):
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unreachable")


def test_gradio_reports_to_nobody() -> None:
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"


def test_nothing_runs_in_a_page_that_nobody_looks_at() -> None:
    async def running() -> set[str]:
        app = create_app()
        async with app.router.lifespan_context(app):
            await asyncio.sleep(0)
            return {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]

    assert not [name for name in asyncio.run(running()) if "Queue" in name or "process" in name]
