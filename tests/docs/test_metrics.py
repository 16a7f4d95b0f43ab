"""docs/metrics.md tells every metric of a running service, with its labels."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT
from tests.docs.markdown import documents, read
from tests.servers import Serve
from tests.service.conftest import tiny_card, write_tiny

pytestmark = pytest.mark.xdist_group("docs-metrics")

ROW = re.compile(r"^\| `((?:booth|http_server)_\w+)(?:\{([\w,]+)\})?` \| (.+) \|$", re.MULTILINE)
SAMPLE = re.compile(r"^((?:booth|http_server)_\w+)(?:\{(.*)\})? \S+$", re.MULTILINE)
PAGE = {
    name: set(filter(None, labels.split(",")))
    for name, labels, _ in ROW.findall(read("docs/metrics.md"))
}
PHOTO = (ROOT / "demo/samples/aqueduct.jpg").read_bytes()


@pytest.fixture(scope="module")
def page(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page of a service that did a bit of everything, so that each metric has its labels."""
    folder = tmp_path_factory.mktemp("models")
    one, two = (
        write_tiny(folder / f"{version}.onnx", tiny_card(version=version)) for version in "12"
    )
    repository = tmp_path_factory.mktemp("repository")
    compared = {"models": f"places365,{one},{two}", "shadow": '{"tiny": {"2": 1}}'}
    with (
        serve(cache_bytes=1_000_000, repository=repository, **compared) as server,
        httpx.Client(base_url=server.url, timeout=30) as http,
    ):
        http.post("/classify", content=PHOTO).raise_for_status()
        files = [("photo", PHOTO), ("photo", b"no photograph")]
        http.post("/classify", files=files).raise_for_status()
        http.post("/classify?model=tiny", files=files).raise_for_status()
        http.post("/label-map?step=1", content=PHOTO)
        yield http.get("/metrics").raise_for_status().text


def test_every_metric_stands_on_the_page_and_no_other(page: str) -> None:
    assert set(re.findall(r"^# TYPE ((?:booth|http_server)_\w+)", page, re.MULTILINE)) == set(PAGE)


def test_every_metric_has_its_labels_on_the_page(page: str) -> None:
    assert labels_of(page) == PAGE


def labels_of(page: str) -> dict[str, set[str]]:
    """The labels of each metric that has samples, but for those of its buckets."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for sample, labels in SAMPLE.findall(page):
        name = sample if sample in PAGE else re.sub(r"_(bucket|count|sum)$", "", sample)
        found[name] |= set(re.findall(r'(\w+)="', labels)) - {"le"}
    return dict(found)


@pytest.mark.parametrize("document", documents(), ids=str)
def test_a_document_names_no_metric_that_there_is_not(document: Path) -> None:
    named = set(re.findall(r"`(booth_\w+)", read(document))) - {"booth_client"}
    assert named <= set(PAGE)
