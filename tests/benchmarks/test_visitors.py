"""Visitors of the page, as a program plays them."""

from __future__ import annotations

import io
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from benchmarks.visitors import Visitors, shrunk
from tests.waiting import eventually


def red() -> bytes:
    packed = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("RGB", (1600, 1280), "red").save(packed, "JPEG", exif=exif)
    return packed.getvalue()


def test_a_photograph_is_sent_as_the_page_does() -> None:
    assert Image.open(io.BytesIO(shrunk(red()))).size == (640, 800)


def test_each_visitor_has_an_address_and_asks_both_models() -> None:
    asked: Counter[tuple[str, str]] = Counter()

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked[self.headers["X-Forwarded-For"], self.path] += 1
            self.send_response(200 if "places365" in self.path else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        with Visitors(url, [red()], count=3, cameras=2) as visitors:
            eventually(lambda: len(asked) == 6 and visitors.refused >= 3)
        server.shutdown()
    assert {client for client, _ in asked} == {"10.0.0.1", "10.0.0.2", "10.0.0.3"}
    assert visitors.refused == len(visitors.waits_ms)


def test_those_inside_walk_through_the_layers_and_cover_what_units_see() -> None:
    asked: Counter[str] = Counter()

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(b'{"layers": [{"name": "conv0"}]}')

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked[self.path] += 1
            self.answer(b"{}")

        def answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.visitors.INSIDE_S", 0)
        with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_address[1]}"
            with Visitors(url, [red()], count=0, cameras=0, inside=1) as visitors:
                eventually(lambda: any("/occlusion" in path for path in asked))
            server.shutdown()
    assert asked["/activations?model=efficientnet_lite0&layer=conv0&units=12&maps=png"] >= 4
    assert not visitors.waits_ms
    assert len(visitors.inside_ms) == asked.total()
    assert not visitors.refused
