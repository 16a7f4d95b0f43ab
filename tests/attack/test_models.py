"""Models without sense or end: refused in a sentence, and the end comes whatever they do."""

from __future__ import annotations

import io
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.servers import Serve, started
from tests.servers import clean_environment as clean
from tests.service.broken import BREAKS, break_model
from tests.service.conftest import tiny_card, write_tiny
from tests.waiting import eventually

ENDLESS = {how for how in BREAKS if how.startswith("never ends")}


def photo_of(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), colour).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Writes a model file with a fault, or without: ``make("name", "never ends")``."""

    def write(name: str, how: str = "") -> Path:
        path = write_tiny(tmp_path / f"{name}.onnx", tiny_card(name))
        return break_model(path, how) if how else path

    return write


@pytest.mark.parametrize("how", sorted(BREAKS.keys() - ENDLESS))
def test_a_model_that_makes_no_sense_never_takes_the_place_of_one_that_does(
    serve: Serve, make: Callable[..., Path], how: str
) -> None:
    file = make("model")
    with serve(models=file, providers="cpu") as server, httpx.Client() as client:
        make("broken", how).replace(file)
        server.process.send_signal(signal.SIGHUP)
        eventually(server.log.read_text, lambda text: "What was loaded stays." in text)
        answer = client.post(f"{server.url}/classify", content=photo_of("red")).json()
        assert answer["model"] == "model"
        assert client.get(f"{server.url}/readyz").is_success
        assert "Traceback" not in server.log.read_text()
        assert server.end() == 0


@pytest.mark.parametrize("providers", ["cpu", "openvino,cpu", ""])
def test_the_end_comes_while_a_model_without_end_is_loaded(
    make: Callable[..., Path], tmp_path: Path, providers: str
) -> None:
    pytest.importorskip("openvino")
    log = tmp_path / "log"
    settings = clean(
        BOOTH_MODELS=str(make("endless", "never ends")), BOOTH_PORT="0", BOOTH_DEMO="off",
        BOOTH_DRAIN_MS="0", BOOTH_PROVIDERS=providers,
    )  # fmt: skip
    with started([sys.executable, "-m", "service", "serve"], log, settings) as process:
        eventually(log.read_text, lambda text: "listening on" in text, within_s=30)
        time.sleep(1)  # until the network runs
        process.terminate()
        assert process.wait(10) == 0
    assert "is left behind" in log.read_text()
    assert "ready:" not in log.read_text()


def test_the_others_answer_while_one_is_loaded_that_never_ends(
    serve: Serve, make: Callable[..., Path]
) -> None:
    file, other = make("model"), make("other")
    with serve(models=f"{file},{other}") as server, httpx.Client(timeout=30) as client:
        make("endless", "never ends").replace(file)
        server.process.send_signal(signal.SIGHUP)
        for name in ["model", "other"] * 20:
            url = f"{server.url}/classify?model={name}"
            assert client.post(url, content=photo_of("red")).json()["model"] == name
        assert client.get(f"{server.url}/readyz").is_success
        assert server.end() == 0


def test_a_photograph_that_a_model_never_ends_with_harms_no_other_model(
    serve: Serve, make: Callable[..., Path]
) -> None:
    models = f"{make('white', 'never ends on white')},{make('other')}"
    with (
        serve(models=models, stall_ms=1000, grace_ms=8000) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
        ThreadPoolExecutor(8) as clients,
    ):
        assert client.post("/classify", content=photo_of("red")).is_success
        asked = [
            clients.submit(client.post, "/classify?timeout_ms=1000", content=photo_of("white"))
            for _ in range(8)
        ]
        for _ in range(20):
            answer = client.post("/classify?model=other", content=photo_of("red"))
            assert answer.json()["model"] == "other"
        assert {one.result().status_code for one in asked} <= {503, 504}
        told = eventually(lambda: client.get("/readyz"), lambda answer: answer.is_error)
        assert "white has made no progress" in told.text
        assert client.post("/classify?model=other", content=photo_of("red")).is_success
        assert client.get("/livez").is_success
        start = time.monotonic()
        assert server.end() == 0
        assert time.monotonic() - start < 10


def test_a_model_that_hangs_can_be_replaced_by_one_that_does_not(
    serve: Serve, make: Callable[..., Path]
) -> None:
    file = make("white", "never ends on white")
    with (
        serve(models=file, stall_ms=1000) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        assert client.post("/classify?timeout_ms=500", content=photo_of("white")).is_error
        make("mended").replace(file)
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: client.get("/models").text, lambda text: "mended" in text)
        assert client.post("/classify", content=photo_of("white")).json()["model"] == "mended"
        eventually(lambda: client.get("/readyz").is_success)
        assert server.end() == 0
