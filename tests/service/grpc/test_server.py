"""The server of gRPC: with the other one it begins, and with it it ends."""

from __future__ import annotations

import socket
from pathlib import Path
from threading import Thread

import grpc
import pytest

from service.run import app
from service.run.app import create_state
from service.settings import BadSettings, read_settings
from tests.servers import Serve, free_port
from tests.service.asking import RED
from tests.service.grpc.calling import Client, refused
from tests.waiting import ended, eventually


def test_what_was_accepted_is_answered_at_the_end(serve: Serve, tiny: Path) -> None:
    port = free_port()
    with serve(models=tiny, grpc_port=port, slots=1, max_batch_size=1) as server:
        client = Client(f"127.0.0.1:{port}")
        client.infer(RED)
        answers: list[object] = []
        photos = [RED] * 64
        threads = [Thread(target=lambda: answers.append(client.infer(*photos))) for _ in range(3)]
        for thread in threads:
            thread.start()
        eventually(lambda: len(answers))
        assert server.end() == 0
        ended(*threads)
        assert len(answers) == 3
        assert "Traceback" not in server.log.read_text()
        assert f"listening for gRPC on 127.0.0.1:{port}" in server.log.read_text()
        refused(
            grpc.StatusCode.UNAVAILABLE,
            lambda: client.channel.unary_unary("/a/b")(b"", timeout=10),
        )


def test_a_port_in_use_ends_the_start_with_a_sentence(serve: Serve, tiny: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = f"can't listen on 127.0.0.1:{port}: .* another BOOTH_HOST or BOOTH_GRPC_PORT"
        with pytest.raises(pytest.fail.Exception, match=message):  # noqa: SIM117
            with serve(models=tiny, grpc_port=port):
                pass


def test_without_the_extra_the_start_ends_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "find_spec", lambda _: None)
    assert create_state(read_settings({}))
    with pytest.raises(BadSettings, match="`grpc`"):
        create_state(read_settings({"BOOTH_GRPC_PORT": "8001"}))
