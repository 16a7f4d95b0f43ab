"""What the server sends first: whole without a script, under any prefix, and what links show."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from io import BytesIO

import httpx
import pytest
from PIL import Image

from demo import shell
from demo.assets import ASSETS
from demo.samples import SAMPLES
from demo.views import VIEWS, View
from tests.servers import proxied

# One worker starts the service, and all of these use it.
pytestmark = pytest.mark.xdist_group("page")

each_view = pytest.mark.parametrize("view", VIEWS, ids=lambda one: one.name)


class Read(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def meta(self, name: str) -> str:
        """What a ``<meta>`` says."""
        (found,) = (one for tag, one in self.elements if tag == "meta" and name in one.values())
        return found["content"] or ""

    def addresses(self) -> list[str]:
        """All that the page loads or links to."""
        named = (one.get("href") or one.get("src") for tag, one in self.elements if tag != "base")
        return [address for address in named if address]


@each_view
@pytest.mark.parametrize("place", ["site", "orphan"])
def test_a_view_s_link_has_a_title_a_sentence_and_a_picture_of_this_host(
    request: pytest.FixtureRequest, place: str, view: View
) -> None:
    url = request.getfixturevalue(place)
    shown = Read(httpx.get(f"{url}/{view.path}").text)
    title = f"{view.title} · Booth" if view.path else "Booth"
    assert shown.meta("og:title") == title
    assert shown.meta("description").startswith(view.sentence)
    assert shown.meta("og:description").startswith(view.sentence)
    assert shown.meta("twitter:card") == "summary_large_image"
    assert shown.meta("og:image").startswith(f"{url}/page/")
    picture = httpx.get(shown.meta("og:image"))
    assert picture.headers["content-type"] == "image/jpeg"
    assert len(picture.content) <= 80_000
    with Image.open(BytesIO(picture.content)) as preview:
        assert preview.size == (1200, 630)


@each_view
def test_a_view_is_there_before_any_script(site: str, view: View) -> None:
    sent = httpx.get(f"{site}/{view.path}")
    assert sent.headers["content-encoding"] == "gzip"
    shown = Read(sent.text)
    assert view.sentence in shown.text
    assert "This page classifies photographs with JavaScript" in shown.text
    assert f"{site}/classify" in shown.text
    assert shell._content(view) in sent.text
    titles = [one for tag, one in shown.elements if tag == "a" and "data-sentence" in one]
    assert [one["data-view"] for one in titles] == [one.name for one in VIEWS]
    assert [one["data-view"] for one in titles if "aria-current" in one] == [view.name]


@each_view
def test_nothing_of_it_is_of_another_host(site: str, view: View) -> None:
    shown = Read(httpx.get(f"{site}/{view.path}").text)
    licences = {one.terms for one in SAMPLES}
    assert {one for one in shown.addresses() if one.startswith("http")} == licences


@each_view
@pytest.mark.parametrize("strips", [True, False])
def test_every_address_is_under_the_prefix(site: str, view: View, strips: bool) -> None:
    """Behind a proxy that names its prefix, whether it takes it off or not."""
    with proxied(site, "/a/b", strips=strips, names=True) as url:
        sent = httpx.get(f"{url}/{view.path}")
        shown = Read(sent.text)
        (base,) = (one["href"] for tag, one in shown.elements if tag == "base")
        assert base == "/a/b/"
        own = {one for one in shown.addresses() if not one.startswith("http")}
        assert not [one for one in own if one.startswith("/")]
        script = re.search(r'window\.gradio_script = "([^"]+)"', sent.text)
        assert script
        for address in {*own, script[1]}:
            assert httpx.get(httpx.URL(url + "/").join(address)).is_success, address


def test_a_folder_under_the_prefix_is_the_page_as_well(site: str) -> None:
    with proxied(site, "/a/b", strips=False, names=True) as url:
        assert 'data-view="classify"' in httpx.get(url).text


def test_the_modules_of_a_view_are_fetched_ahead() -> None:
    names = shell._preloads(VIEWS[1])
    assert {"js/main.js", "js/photo.js", "js/views/patches.js"} < set(names)
    assert len(set(names)) == len(names)
    assert not [one for one in names if one.endswith("classify.js")]
    assert set(names) <= set(ASSETS.names())


def test_another_gradio_is_refused_in_a_sentence() -> None:
    with pytest.raises(RuntimeError, match="made for another Gradio"):
        shell._script("<html></html>")


def test_every_sample_names_its_author_and_links_to_its_licence(site: str) -> None:
    shown = Read(httpx.get(site).text)
    licences = [one["href"] for tag, one in shown.elements if one.get("rel") == "license"]
    assert licences == [one.terms for one in SAMPLES]
    for one in SAMPLES:
        assert f"{one.shows}, {one.author} (" in shown.text


def test_all_of_it_is_compressed(site: str) -> None:
    """Nothing that is text goes out whole; the first page is small."""
    shown = Read(httpx.get(site).text)
    for address in ["", "manifest.json", *shown.addresses()]:
        if address.startswith("http"):
            continue
        sent = httpx.get(httpx.URL(f"{site}/").join(address))
        kind = sent.headers["content-type"].partition(";")[0]
        if kind != "image/jpeg" and int(sent.headers.get("content-length", 9999)) > 1000:
            assert sent.headers.get("content-encoding") == "gzip", address
    with httpx.stream("GET", site) as answer:
        assert sum(map(len, answer.iter_raw())) < 20_000
