"""The answers that the documents of the integrations show are those of the shipped model.

They come from programs that are not installed here, in forms of their own. `tests/foreign` runs
these programs; here the labels and confidences are held against `POST /classify`.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from models.shelf import ZOO
from service.fleet.identity import read_card
from tests.conftest import ROOT
from tests.docs.markdown import documents, read

pytestmark = pytest.mark.xdist_group("docs")  # one worker starts the service for all

# A label and its confidence, or the other way round; then what stands beside them.
_SHOWN = [
    re.compile(r'"label":"(?P<label>[^"]+)",.*?"confidence":(?P<confidence>[\d.]+)'),
    re.compile(r"(?P<confidence>[\d.]+):\d+:(?P<label>[A-Z][a-z ]+)"),
    re.compile(r"^(?P<confidence>[01]\.\d\d) (?P<label>[A-Z][a-z ]+)$", re.MULTILINE),
    re.compile(r"label: '(?P<label>[^']+)',\s+score: (?P<confidence>[\d.]+)"),
    re.compile(r"\('(?P<label>[^']+)', (?P<confidence>[\d.]+)\)"),
    re.compile(r'"environment":\{"kind":"(?P<label>\w+)","confidence":(?P<confidence>[\d.]+)\}'),
]
_SAMPLE = re.compile(r"\b(\w+)\.jpg\b")
_ROUNDING = 0.05  # that processors and runtimes differ by, in int8
INTEGRATIONS = [one for one in documents() if one.parent == Path("docs/integrations")]
SHOWN = [
    (document, found.start(), found["label"], float(found["confidence"]))
    for document in INTEGRATIONS
    for pattern in _SHOWN
    for found in pattern.finditer(read(document))
]


@cache
def answer(address: str, sample: str) -> Any:
    photo = (ROOT / f"demo/samples/{sample}.jpg").read_bytes()
    url = f"http://{address}/classify?top_k=365"
    return httpx.post(url, content=photo, timeout=60).raise_for_status().json()


@pytest.mark.parametrize(("document", "place", "label", "shown"), SHOWN, ids=str)
def test_a_confidence_is_the_models(
    document: Path, place: int, label: str, shown: float, address: str
) -> None:
    sample = _SAMPLE.findall(read(document)[:place])[-1]  # the last one that was named before
    found = answer(address, sample)
    confidences = {one["label"]: one["confidence"] for one in found["predictions"]}
    confidences[found["environment"]["kind"]] = found["environment"]["confidence"]
    assert shown == pytest.approx(confidences[label], abs=_ROUNDING)
    assert shown <= 0.5 or label in (
        found["predictions"][0]["label"],
        found["environment"]["kind"],
    )


def test_answers_are_found_in_the_forms_of_all_clients() -> None:
    assert len({document for document, *_ in SHOWN}) >= 7
    for pattern in _SHOWN:
        assert any(pattern.search(read(document)) for document in INTEGRATIONS)


def test_the_cells_say_what_the_lecture_says(address: str) -> None:
    photo = (ROOT / "demo/samples/tracks.jpg").read_bytes()
    url = f"http://{address}/classify?explain=cells"
    cells = httpx.post(url, content=photo, timeout=60).raise_for_status().json()["cells"]
    rows = [[cells["labels"][place[0]]["label"] for place in row] for row in cells["first"]]
    slopes, ground = rows[1], rows[3:]
    assert sum(label in {"Valley", "Canyon", "Mountain"} for label in slopes) >= 4
    assert all(set(row) == {"Railroad track"} for row in ground)


def test_as_many_labels_are_measured_as_is_said() -> None:
    labels = read_card(ZOO / "places365.onnx").labels
    counts = {
        basis: sum(one.basis == basis for one in labels) for basis in ("labelled", "distilled")
    }
    said = "{labelled} labels are labelled and {distilled} are distilled".format(**counts)
    assert said in " ".join(read("docs/models.md").split())
