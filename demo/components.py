"""What the page's tabs are built of."""

from __future__ import annotations

from typing import Any

import gradio as gr

from demo.views import ASSETS

__all__ = ["QUIET", "html"]

# How every event is run. No queue of Gradio's: the service has its own, and says when it is full.
# No checks of Gradio's: it knows the choices of a menu by the session, of which there is none.
QUIET: dict[str, Any] = {
    "queue": False,
    "preprocess": False,
    "show_progress": "hidden",
    "trigger_mode": "always_last",
    "api_visibility": "private",
}


def html(name: str, template: str, value: str | None = None, script: str = "") -> gr.HTML:
    """A piece of HTML with the id ``name``; ``script``, a file of the assets, brings it to life."""
    code = (ASSETS / script).read_text(encoding="utf-8") if script else None
    return gr.HTML(
        value, html_template=template, js_on_load=code, elem_id=name, apply_default_css=False
    )
