"""What the views of the page are called, and that each has its files."""

from __future__ import annotations

import httpx
import pytest

from demo.assets import ASSETS
from demo.views import VIEWS, View
from service.settings import PAGE_VIEWS, BadSettings, read_settings
from service.web.access_control import PAGE_FILES


@pytest.mark.parametrize("view", VIEWS, ids=lambda one: one.name)
def test_a_view_has_a_skeleton_a_module_and_a_style(view: View) -> None:
    expected = {f"views/{view.name}.html", f"js/views/{view.name}.js", f"css/{view.name}.css"}
    assert expected <= set(ASSETS.names())


def test_there_are_no_files_of_views_that_are_none() -> None:
    modules = {name.removesuffix(".js") for name in ASSETS.names("js/views/")}
    assert {name.removeprefix("js/views/") for name in modules} >= {one.name for one in VIEWS}
    skeletons = {name.removesuffix(".html") for name in ASSETS.names("views/")}
    assert {name.removeprefix("views/") for name in skeletons} == {one.name for one in VIEWS}


@pytest.mark.parametrize("view", VIEWS, ids=lambda one: one.name)
def test_a_view_is_read_without_a_limit(view: View) -> None:
    assert PAGE_FILES.fullmatch(f"/{view.path}")


@pytest.mark.parametrize("view", VIEWS[1:], ids=lambda one: one.name)
def test_no_prefix_is_taken_for_a_view(view: View) -> None:
    with pytest.raises(BadSettings, match="an address of Booth's own"):
        read_settings({"BOOTH_ROOT_PATH": f"/{view.path}"})


@pytest.mark.xdist_group("page")
def test_no_view_stands_where_the_service_has_a_route(site: str) -> None:
    paths = httpx.get(f"{site}/openapi.json").json()["paths"]
    assert {one.path for one in VIEWS}.isdisjoint(path.split("/")[1] for path in paths)


def test_the_service_knows_the_views_addresses() -> None:
    assert sorted(PAGE_VIEWS) == sorted(one.path for one in VIEWS[1:])


def test_the_first_view_is_the_page_itself() -> None:
    assert [one.path for one in VIEWS].index("") == 0
    assert len({one.path for one in VIEWS}) == len(VIEWS)


@pytest.mark.parametrize("view", VIEWS, ids=lambda one: one.name)
def test_a_view_says_what_it_is_for_in_one_sentence(view: View) -> None:
    assert view.sentence.endswith(".")
    assert view.sentence.count(". ") == 0
    assert len(view.sentence) <= 80
