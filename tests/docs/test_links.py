"""No link of a document is broken. Addresses elsewhere are looked at, not called."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.conftest import ROOT
from tests.docs.markdown import anchors, documents, links, read


@pytest.mark.parametrize("document", documents(), ids=str)
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = [target for target in links(read(document)) if not _leads(document, target)]
    assert broken == []


def _leads(document: Path, target: str) -> bool:
    parts = urlsplit(target)
    if parts.scheme:
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    path = Path(document).parent / unquote(parts.path) if parts.path else document
    if not (ROOT / path).exists() or not (ROOT / path).resolve().is_relative_to(ROOT):
        return False
    return not parts.fragment or parts.fragment in anchors(read(path))


def test_a_broken_link_is_found() -> None:
    text = """
[good](docs/api.md#errors) [no file](docs/none.md) [no heading](docs/api.md#none)
![no picture](docs/none.png) [no address](https://) [outside](../elsewhere.md) [here](#booth)
`[code](none.md)`
[reference]: none.md
"""
    assert [one for one in links(text) if not _leads(Path("README.md"), one)] == [
        "docs/none.md",
        "docs/api.md#none",
        "docs/none.png",
        "https://",
        "../elsewhere.md",
        "none.md",
    ]


def test_headings_become_anchors_as_on_github() -> None:
    text = "# One request: log & `traces`\n```sh\n# no heading\n```\n## Twice\n## Twice\n"
    assert anchors(text) == {"one-request-log--traces", "twice", "twice-1"}


def test_every_document_is_reached_from_the_readme() -> None:
    reached = {Path("README.md")}
    waiting = list(reached)
    while waiting:
        document = waiting.pop()
        for target in links(read(document)):
            path = (ROOT / document.parent / urlsplit(target).path).resolve()
            if path.suffix == ".md" and (here := path.relative_to(ROOT)) not in reached:
                reached.add(here)
                waiting.append(here)
    # The other folders' README.md name the sources of what lies beside them.
    assert {one for one in documents() if one.name != "README.md"} <= reached
