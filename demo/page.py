"""The page: header, tabs, footer; each tab is a module of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr

from demo import views
from demo.classify import add_classify

if TYPE_CHECKING:
    from booth_client import AsyncClient
    from demo.photos import Photos

__all__ = ["build_page"]


def build_page(booth: AsyncClient, photos: Photos, links: str) -> gr.Blocks:
    """The page; ``links`` stands before the links to the API, where it has another address."""
    page = gr.Blocks(analytics_enabled=False, title="Booth")
    with page:
        gr.HTML(views.header(), elem_id="header")
        add_classify(page, booth, photos)
        gr.HTML(views.footer(links), elem_id="footer")
    return page
