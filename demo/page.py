"""The page in Gradio: a route for each view, and in it the place where the view stands.

The views are in the page's HTML and answer as soon as that is there (``shell``); when Gradio has
come, it takes them into its own layout. It holds no event and no state: a view asks the service's
public routes, so any replica answers any page, before and after a restart.
"""

from __future__ import annotations

import gradio as gr

from demo.views import VIEWS, View

__all__ = ["build_page"]

# Gradio hands in the element; what takes the views there is in assets/js/main.js.
_ADOPT = "window.booth?.moveInto(element);"


def build_page() -> gr.Blocks:
    """The page; its views are routes of it."""
    first, *others = VIEWS
    page = gr.Blocks(analytics_enabled=False, title="Booth")
    with page:
        _place(first)
    for view in others:
        with page.route(view.title, f"/{view.path}", show_in_navbar=False):
            _place(view)
    # It would look for an event a thousand times a second, of which there is none.
    page._queue.start = lambda: None  # type: ignore[method-assign]  # noqa: SLF001 (none else stops it)
    return page


def _place(view: View) -> gr.HTML:
    return gr.HTML(
        "",
        html_template="${value}",
        js_on_load=_ADOPT,
        elem_id=f"place-{view.name}",
        apply_default_css=False,
    )
