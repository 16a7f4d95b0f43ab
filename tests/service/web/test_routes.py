"""A path's route is a template of ours, whatever was asked for."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.routing import Route

from service.web.routes import NO_ROUTE, PAGE, Routes
from service.web.scope import mark_page


async def answer() -> str:
    return ""


def included(*paths: str) -> APIRouter:
    router = APIRouter()
    for path in paths:
        router.add_api_route(path, answer)
    return router


@pytest.fixture(scope="module")
def routes() -> Routes:
    app = FastAPI(openapi_url=None)
    app.include_router(included("/models", "/models/{name}", "/v1/models/{name}"))
    app.include_router(included("/models/{name}/labels"))
    changing = APIRouter()
    changing.add_api_route("/models/{name}", answer, methods=["PUT"])
    changing.add_api_route("/v1/models/{name}:predict", answer, methods=["POST"])
    app.include_router(changing)
    app.router.routes.append(Route("/plain", answer))
    return Routes(app.routes)


def scope(path: str, method: str = "GET") -> dict[str, Any]:
    return {"type": "http", "path": path, "method": method}


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/models", "/models"),
        ("/models/tiny", "/models/{name}"),
        ("/models/a b\n", "/models/{name}"),
        ("/models/tiny/labels", "/models/{name}/labels"),
        ("/plain", "/plain"),
        ("/models/", NO_ROUTE),
        ("/models/tiny/none", NO_ROUTE),
        ("/{page}", NO_ROUTE),
        ("", NO_ROUTE),
    ],
)
def test_a_path_has_the_template_of_its_route(routes: Routes, path: str, template: str) -> None:
    assert routes.of(scope(path)) == template


@pytest.mark.parametrize(
    ("method", "template"),
    [("GET", "/models/{name}"), ("HEAD", "/models/{name}"), ("PUT", "/models/{name}")]
    + [(method, NO_ROUTE) for method in ("POST", "DELETE", "OPTIONS", "PROPFIND", "get")],
)
def test_a_method_that_the_route_has_not_is_on_none(
    routes: Routes, method: str, template: str
) -> None:
    assert routes.of(scope("/models/tiny", method)) == template


def test_of_two_that_match_it_is_that_of_the_method(routes: Routes) -> None:
    path = "/v1/models/tiny:predict"
    assert routes.of(scope(path, "POST")) == "/v1/models/{name}:predict"
    assert routes.of(scope(path, "GET")) == "/v1/models/{name}"


@pytest.mark.parametrize("path", ["/", "/assets/main.js", "/inside"])
def test_what_the_page_answers_is_one_route(routes: Routes, path: str) -> None:
    asked = scope(path)
    mark_page(asked, page=True)
    assert routes.of(asked) == PAGE
