"""The tab Classify: a photograph in, five labels out; ``views`` says what they look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from booth_client import BoothError
from demo import views
from demo.components import QUIET, html

if TYPE_CHECKING:
    from booth_client import AsyncClient
    from demo.photos import Photos

__all__ = ["add_classify"]

_BUSY = "(...inputs) => { document.body.classList.add('booth-busy'); return inputs; }"
_IDLE = """() => {
  document.body.classList.remove('booth-busy');
  document.querySelector('#answer').scrollIntoView({ block: 'nearest', behavior: 'smooth' });
}"""


def add_classify(page: gr.Blocks, booth: AsyncClient, photos: Photos) -> None:
    """Lay the tab out on the page that is being built; its events ask ``booth`` of ``photos``."""
    _connect(page, _lay_out(), _Handlers(booth, photos))


@dataclass(frozen=True)
class _Parts:
    photo: gr.HTML
    model: gr.Dropdown
    answer: gr.HTML
    facts: gr.HTML


def _lay_out() -> _Parts:
    with gr.Row(elem_id="booth"):
        with gr.Column(elem_id="left"):
            photo = html("photo", views.photo(), script="photo.js")
        with gr.Column(elem_id="right"):
            model = gr.Dropdown(label="Model", filterable=False, elem_id="model")
            answer = html("answer", views.ANSWER, views.waiting(), script="answer.js")
            facts = html("facts", "${value}", "")
    return _Parts(photo, model, answer, facts)


class _Handlers:
    """What the page asks the service; answers come back as HTML, errors too."""

    def __init__(self, booth: AsyncClient, photos: Photos) -> None:
        self._booth = booth
        self._photos = photos

    async def open(self, model: str | None) -> tuple[Any, Any, Any]:
        """The models served now and the facts of the chosen one."""
        try:
            menu, card, _ = await self._models(model)
        except BoothError as error:
            return gr.skip(), gr.skip(), views.problem(error)
        # Whoever was quick has chosen a photo meanwhile, and its answer stays.
        return menu, card, gr.skip()

    async def again(self, photo: str | None, model: str | None) -> tuple[Any, Any, str]:
        """As ``open``, and what the model says about the photo that got no answer."""
        try:
            menu, card, chosen = await self._models(model)
        except BoothError as error:
            return gr.skip(), gr.skip(), views.problem(error)
        return menu, card, await self.classify(photo, chosen)

    async def choose(self, photo: str | None, model: str) -> tuple[Any, str]:
        """The facts of another model, and what it says about the same photo."""
        try:
            card = views.facts(await self._booth.card(model))
        except BoothError as error:
            return gr.skip(), views.problem(error)
        return card, await self.classify(photo, model)

    async def classify(self, photo: str | None, model: str | None) -> str:
        """What the model says about the photo, or why it says nothing."""
        if not photo:
            return views.waiting()
        try:
            content = await self._photos.read(photo)
            return views.answer(await self._booth.classify(content, model=model))
        except BoothError as error:
            return views.problem(error)

    async def _models(self, model: str | None) -> tuple[gr.Dropdown, str, str]:
        """The menu, the facts of the model chosen in it, and that model's name."""
        served = await self._booth.models()
        default = next(one.name for one in served if one.default)
        chosen = model if model in {one.name for one in served} else default
        card = views.facts(await self._booth.card(chosen))
        choices = [(f"{one.title} · {one.precision}", one.name) for one in served]
        return gr.Dropdown(choices=choices, value=chosen), card, chosen


def _connect(page: gr.Blocks, parts: _Parts, ask: _Handlers) -> None:
    given = [parts.photo, parts.model]
    everything = [parts.model, parts.facts, parts.answer]
    page.load(ask.open, parts.model, everything, **QUIET)
    events = [
        parts.photo.photo(ask.classify, given, parts.answer, **QUIET),
        parts.answer.again(ask.again, given, everything, **QUIET),
        parts.model.input(ask.choose, given, everything[1:], js=_BUSY, **QUIET),
    ]
    for event in events:
        event.then(js=_IDLE, **QUIET)
