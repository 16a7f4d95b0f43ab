"""The page's own files: compressed, kept by browsers, and found whatever version a page is of."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import httpx
import pytest
from starlette.exceptions import HTTPException

from demo.assets import ASSETS, FOLDER, Assets
from demo.views import VIEWS


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    (tmp_path / "js").mkdir()
    (tmp_path / "js/main.js").write_text("let one = 1;\n" * 100, encoding="utf-8")
    (tmp_path / "small.svg").write_text("<svg/>", encoding="utf-8")
    (tmp_path / "secret.py").write_text("", encoding="utf-8")
    return Assets(tmp_path)


def get(assets: Assets, path: str, **headers: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(assets)
        async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.get(path, headers=named)

    return asyncio.run(asked())


def test_a_file_is_kept_for_ever_under_its_digest(assets: Assets) -> None:
    sent = get(assets, f"/{assets.digest}/js/main.js")
    assert sent.status_code == 200
    assert sent.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert sent.headers["content-type"] == "text/javascript; charset=utf-8"


def test_another_version_s_page_gets_this_one_s_files_and_asks_again(assets: Assets) -> None:
    sent = get(assets, "/000000000000/js/main.js")
    assert sent.content == get(assets, f"/{assets.digest}/js/main.js").content
    assert sent.headers["cache-control"] == "no-cache"
    again = get(assets, "/000000000000/js/main.js", if_none_match=sent.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


def test_a_file_is_compressed_where_that_makes_it_smaller(assets: Assets) -> None:
    path = f"/{assets.digest}/js/main.js"
    packed = get(assets, path, accept_encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 100
    plain = get(assets, path, accept_encoding="identity")
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert {packed.headers["vary"], plain.headers["vary"]} == {"Accept-Encoding"}
    small = get(assets, f"/{assets.digest}/small.svg", accept_encoding="gzip")
    assert "content-encoding" not in small.headers
    assert small.headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize("name", ["secret.py", "../app.py", "", "js", "js/", "js/main.js/"])
def test_there_is_nothing_else(assets: Assets, name: str) -> None:
    with pytest.raises(HTTPException):
        get(assets, f"/{assets.digest}/{name}")


def test_the_digest_changes_with_a_file_and_with_a_name(tmp_path: Path) -> None:
    def digest(**files: str) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for name, text in files.items():
            (folder / f"{name}.js").write_text(text, encoding="utf-8")
        return Assets(folder).digest

    all_of_them = {digest(a="1"), digest(a="2"), digest(b="1"), digest(a="1", b="")}
    assert len(all_of_them) == 4
    assert digest(a="1") in all_of_them


def test_the_page_s_own_files_are_small() -> None:
    """All of them together: what is fetched until the first answer is measured elsewhere."""
    late = tuple(f"js/views/{one.name}{end}" for one in VIEWS if one.looks_inside for end in "./")
    names = ASSETS.names("js/")
    assert packed([name for name in names if not name.startswith(late)]) < 60_000
    for view in VIEWS:
        own = (f"js/views/{view.name}.", f"js/views/{view.name}/")
        assert packed([name for name in names if name.startswith(own)]) < 30_000, view.name


def packed(names: list[str]) -> int:
    """Bytes of these files, each compressed."""
    return sum(len(gzip.compress((FOLDER / name).read_bytes(), 9)) for name in names)
