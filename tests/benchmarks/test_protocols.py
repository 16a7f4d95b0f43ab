"""Photographs a second over each protocol."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from benchmarks.protocols import over_grpc, over_http, rate
from service.run.protocol import Protocol
from tests.servers import free_port, serving_inside
from tests.service.asking import BLUE, RED, samples
from tests.service.conftest import tiny_card, write_tiny


def test_both_protocols_are_asked_the_same(tmp_path: Path) -> None:
    model, port = write_tiny(tmp_path / "tiny.onnx", tiny_card()), free_port()
    with serving_inside(Protocol, models=model, grpc_port=port) as inside:
        url = f"{inside.url}/classify"
        for ask in (over_http(url), over_grpc(f"127.0.0.1:{port}")):
            before = samples(inside.url).get('booth_images_total{model="tiny"}', 0)
            assert rate(ask, [RED, BLUE], 2, 0.1) > 0
            assert samples(inside.url)['booth_images_total{model="tiny"}'] > before
        assert httpx.get(f"{inside.url}/readyz").is_success
        connection, ask_one = over_http(url)()
        with connection, pytest.raises(RuntimeError, match="This is text"):
            ask_one(b"no photo")
