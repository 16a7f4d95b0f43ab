"""What the tab Classify asks the service, and shows of what it says; without a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import gradio as gr
import httpx
import pytest

from booth_client import AsyncClient, Overloaded
from demo.classify import _Handlers
from demo.photos import Photos
from tests.client.contract import PHOTO, refusal, respond

if TYPE_CHECKING:
    from pathlib import Path


Make = Callable[..., _Handlers]


@pytest.fixture
def photos(tmp_path: Path) -> Photos:
    return Photos(tmp_path, spare_bytes=0)


@pytest.fixture
def photo(photos: Photos) -> str:
    """The name of a photograph that was sent."""
    return asyncio.run(photos.add([PHOTO], ""))


@pytest.fixture
def handlers(photos: Photos) -> Make:
    def made(answer: Callable[[httpx.Request], httpx.Response] = respond) -> _Handlers:
        transport = httpx.MockTransport(answer)
        return _Handlers(AsyncClient("http://booth.test", transport=transport), photos)

    return made


def test_the_menu_and_the_facts_come_with_the_page(handlers: Make) -> None:
    menu, facts, shown = asyncio.run(handlers().open("a model that was served once"))
    assert menu.choices == [("Places365 · int8", "places365")]
    assert menu.value == "places365"
    assert "About Places365" in facts
    assert shown == gr.skip()


def test_a_photo_is_answered_for_each_event(handlers: Make, photo: str) -> None:
    ask = handlers()
    answers = [
        asyncio.run(ask.classify(photo, None)),
        asyncio.run(ask.choose(photo, "places365"))[-1],
        asyncio.run(ask.again(photo, None))[-1],
    ]
    assert all("Indoor booth" in shown for shown in answers)


def test_without_a_photo_nothing_is_asked(handlers: Make) -> None:
    assert "Five labels will appear here" in asyncio.run(handlers().classify(None, "places365"))


def test_a_refusal_stands_where_the_answer_would(handlers: Make, photo: str) -> None:
    ask = handlers(lambda _: refusal(Overloaded("the queue is full")))
    shown = [
        asyncio.run(ask.open(None))[-1],
        asyncio.run(ask.again(photo, None))[-1],
        asyncio.run(ask.choose(photo, "places365"))[-1],
        asyncio.run(ask.classify(photo, "places365")),
    ]
    assert all("The queue is full." in one for one in shown)
