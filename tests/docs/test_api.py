"""docs/api.md tells every route, parameter and error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from inspect import getmembers, isfunction
from typing import Any

import httpx
import pytest

from booth_client import Client
from tests.docs.markdown import read

pytestmark = pytest.mark.xdist_group("docs")  # one worker starts the service for all

PAGE = read("docs/api.md")
# One tree, in the client: so that a caller can catch what the service raises.
ERRORS = import_module("booth_client.errors" if find_spec("booth_client") else "service.errors")


@pytest.fixture(scope="module")
def described(address: str) -> Any:
    """What the running service says of itself."""
    return httpx.get(f"http://{address}/openapi.json").raise_for_status().json()


def section(heading: str) -> str:
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_every_route_stands_on_the_page(described: Any) -> None:
    told = set(re.findall(r"^\| `([A-Z]+) (/\S*)`", section("Routes"), re.MULTILINE))
    served = {
        (method.upper(), path) for path, item in described["paths"].items() for method in item
    }
    # These two are for browsers, so the description leaves them out.
    assert told == served | {("GET", "/docs"), ("GET", "/")}


def test_every_parameter_stands_on_the_page_with_its_bounds(described: Any) -> None:
    told = set(re.findall(r"^\| `(\w+)` \| .* \| .* \|$", section("Classify"), re.MULTILINE))
    parameters = described["paths"]["/classify"]["post"]["parameters"]
    assert told == {one["name"] for one in parameters if one["in"] == "query"}
    for header in (one["name"] for one in parameters if one["in"] == "header"):
        assert f"`{header}" in section("Caching")


def test_every_error_stands_on_the_page_with_its_status() -> None:
    told = {
        kind: int(status)
        for kind, status in re.findall(
            r"^\| `([\w-]+)` \| (\d{3}) \|", section("Errors"), re.MULTILINE
        )
    }
    # Those that only gather others, and those that no response ever names.
    never_sent = {"unavailable", "bad-model", "unreachable"}
    classes = {one.kind: one.status for one in tree(ERRORS.BoothError)}
    assert told == {kind: status for kind, status in classes.items() if kind not in never_sent}


def test_every_method_of_the_client_stands_on_the_page() -> None:
    told = set(
        re.findall(r"`(\w+)\(", PAGE.partition("| method | gives |")[2].partition("\n\n")[0])
    )
    own = {name for name, _ in getmembers(Client, isfunction) if not name.startswith("_")}
    assert told == own - {"close"}  # `with` does that


def tree(root: Any) -> Iterator[Any]:
    yield root
    for branch in root.__subclasses__():
        yield from tree(branch)
