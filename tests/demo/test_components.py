"""What tabs are built of."""

from __future__ import annotations

import httpx

from demo.components import html
from demo.views import ASSETS


def test_html_has_its_id_template_and_script() -> None:
    made = html("answer", "<p>${value}</p>", "shown", script="answer.js")
    config = made.get_config()
    assert (made.elem_id, made.value) == ("answer", "shown")
    assert config["html_template"] == "<p>${value}</p>"
    assert config["js_on_load"] == (ASSETS / "answer.js").read_text(encoding="utf-8")


def test_no_event_waits_in_a_queue_or_is_offered_as_an_api(site: str) -> None:
    events = httpx.get(f"{site}/config").json()["dependencies"]
    assert events
    assert {(one["queue"], one["api_visibility"]) for one in events} == {(False, "private")}
