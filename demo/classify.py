"""The page's parts, and what happens when; ``views`` says what they look like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.utils import get_upload_folder

from booth_client.errors import BoothError, InvalidParameter
from demo import views
from demo.views import ASSETS

if TYPE_CHECKING:
    from booth_client.client import AsyncClient

__all__ = ["build_page"]

# A photo is needed for a moment, and once more if its sender chooses another model.
KEEP_PHOTOS_S = 600

# No queue of Gradio's: the service has its own, and says when it is full.
_QUIET: dict[str, Any] = {
    "queue": False,
    "show_progress": "hidden",
    "trigger_mode": "always_last",
    "api_visibility": "private",
}
_BUSY = "(...inputs) => { document.body.classList.add('booth-busy'); return inputs; }"
_IDLE = """() => {
  document.body.classList.remove('booth-busy');
  document.querySelector('#answer').scrollIntoView({ block: 'nearest', behavior: 'smooth' });
}"""


def build_page(booth: AsyncClient, links: str) -> gr.Blocks:
    """The page; ``links`` stands before the links to the API, where it has another address."""
    page = gr.Blocks(
        analytics_enabled=False, title="Booth", delete_cache=(KEEP_PHOTOS_S, KEEP_PHOTOS_S)
    )
    with page:
        gr.HTML(views.header(), elem_id="header")
        parts = _lay_out()
        gr.HTML(views.footer(links), elem_id="footer")
        _connect(page, parts, _Handlers(booth))
    return page


@dataclass(frozen=True)
class _Parts:
    photo: gr.HTML
    model: gr.Dropdown
    answer: gr.HTML
    facts: gr.HTML


def _lay_out() -> _Parts:
    with gr.Row(elem_id="booth"):
        with gr.Column(elem_id="left"):
            photo = _html("photo", views.photo(), script="photo.js")
        with gr.Column(elem_id="right"):
            model = gr.Dropdown(label="Model", filterable=False, elem_id="model")
            answer = _html("answer", views.ANSWER, views.waiting(), script="answer.js")
            facts = _html("facts", "${value}", "")
    return _Parts(photo, model, answer, facts)


class _Handlers:
    """What the page asks the service; answers come back as HTML, errors too."""

    def __init__(self, booth: AsyncClient) -> None:
        self._booth = booth

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
            return views.answer(await self._booth.classify(_uploaded(photo), model=model))
        except BoothError as error:
            return views.problem(error)

    async def _models(self, model: str | None) -> tuple[gr.Dropdown, str, str]:
        """The menu, the facts of the model chosen in it, and that model's name."""
        served = await self._booth.models()
        names = [one.name for one in served]
        chosen = model if model in names else names[0]
        card = views.facts(await self._booth.card(chosen))
        choices = [(f"{one.title} · {one.precision}", one.name) for one in served]
        return gr.Dropdown(choices=choices, value=chosen), card, chosen


def _connect(page: gr.Blocks, parts: _Parts, ask: _Handlers) -> None:
    given = [parts.photo, parts.model]
    everything = [parts.model, parts.facts, parts.answer]
    page.load(ask.open, parts.model, everything, **_QUIET)
    events = [
        parts.photo.photo(ask.classify, given, parts.answer, **_QUIET),
        parts.answer.again(ask.again, given, everything, **_QUIET),
        parts.model.input(ask.choose, given, everything[1:], js=_BUSY, **_QUIET),
    ]
    for event in events:
        event.then(js=_IDLE, **_QUIET)


def _html(name: str, template: str, value: str | None = None, script: str = "") -> gr.HTML:
    code = (ASSETS / script).read_text(encoding="utf-8") if script else None
    return gr.HTML(
        value, html_template=template, js_on_load=code, elem_id=name, apply_default_css=False
    )


def _uploaded(path: object) -> Path:
    """The file at a path that the browser named: only one that was uploaded may be read."""
    folder = Path(get_upload_folder()).resolve()
    # NUL ends a path for the system, so Python takes none that holds it.
    file = Path(str(path).replace("\0", "")).resolve()
    if not (file.is_relative_to(folder) and file.is_file()):
        raise InvalidParameter("the photo is no longer kept here; choose it again")
    return file
