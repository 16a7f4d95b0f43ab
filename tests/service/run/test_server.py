"""The shipped models behind a real server: right for everyone at once, and a proper end."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image, ImageOps

from service.cli.options import DEFAULT_MODEL
from service.fleet.local import local_classifier
from service.run.listener import listen
from service.run.server import _accepted
from service.settings import read_settings
from tests.servers import clean_environment, started
from tests.waiting import ended, eventually

CLIENTS = 64


def variants(photos: dict[str, bytes]) -> list[bytes]:
    """64 different photographs: each shipped one, mirrored and cut in different ways."""
    made = []
    for number in range(CLIENTS):
        names = sorted(photos)
        with Image.open(io.BytesIO(photos[names[number % len(names)]])) as image:
            side = min(image.size)
            step = number // len(names)
            cut = image.convert("RGB").crop((step * 3, step * 2, step * 3 + side - 40, side))
        file = io.BytesIO()
        (ImageOps.mirror(cut) if step % 2 else cut).save(file, "JPEG")
        made.append(file.getvalue())
    return made


@pytest.fixture(scope="module")
def expected(photos: dict[str, bytes]) -> list[tuple[bytes, dict[int, float]]]:
    """Each of 64 photographs with its labels, asked for one at a time, without a server."""
    with local_classifier(DEFAULT_MODEL) as classifier:
        return [
            (photo, {p.index: p.confidence for p in classifier.classify(photo).predictions})
            for photo in variants(photos)
        ]


def test_a_photograph_gets_its_scene_and_environment_over_http(
    server: str, photos: dict[str, bytes]
) -> None:
    answer = httpx.post(f"{server}/classify", content=photos["coffee"]).json()
    assert answer["model"] == "places365"
    assert len(answer["predictions"]) == 5
    assert "coffee_shop" in {one["category"] for one in answer["predictions"]}
    assert answer["environment"]["kind"] == "indoor"
    assert 0.5 <= answer["environment"]["confidence"] <= 1


def test_the_other_shipped_model_names_objects(server: str, photos: dict[str, bytes]) -> None:
    url = f"{server}/classify?model=efficientnet_lite0"
    answer = httpx.post(url, content=photos["coffee"]).json()
    assert answer["model"] == "efficientnet_lite0"
    assert answer["predictions"][0]["label"] == "Espresso"
    assert answer["environment"] is None


def test_64_clients_at_once_each_get_their_own_answer_and_the_broken_half_a_4xx(
    server: str, expected: list[tuple[bytes, dict[int, float]]]
) -> None:
    start = threading.Barrier(2 * CLIENTS)
    broken = [b"", b"text", b"\xff\xd8\xff\xe0 cut off", b'{"image": 1}', expected[0][0][:900]]

    def ask(body: bytes) -> httpx.Response:
        with httpx.Client(timeout=60) as client:
            start.wait(30)
            return client.post(f"{server}/classify", content=body)

    with ThreadPoolExecutor(2 * CLIENTS) as clients:
        good = [clients.submit(ask, photo) for photo, _ in expected]
        bad = [clients.submit(ask, broken[i % len(broken)]) for i in range(CLIENTS)]
    assert len({tuple(labels) for _, labels in expected}) > CLIENTS // 2
    for (_, labels), response in zip(expected, good, strict=True):
        predictions = response.result(0).json()["predictions"]
        found = {one["index"]: one["confidence"] for one in predictions}
        assert found == pytest.approx(labels, abs=1e-4)
    assert all(400 <= response.result(0).status_code < 500 for response in bad)


def test_sigterm_under_load_loses_no_accepted_request_and_exits_with_0(
    serve: Any, photos: dict[str, bytes]
) -> None:
    body = photos["chelsea"]
    answered: list[int] = []
    lost: list[Exception] = []

    def ask_until_refused(url: str) -> None:
        with httpx.Client(timeout=30) as client:
            while True:
                try:
                    answered.append(client.post(f"{url}/classify", content=body).status_code)
                except httpx.ConnectError:
                    return  # never accepted: the socket is closed
                except httpx.TransportError as error:
                    lost.append(error)
                    return

    with serve(drain_ms=1500) as server, httpx.Client() as watcher:
        clients = [threading.Thread(target=ask_until_refused, args=[server.url]) for _ in range(16)]
        for client in clients:
            client.start()
        eventually(lambda: len(answered), lambda count: count >= 50)
        server.process.send_signal(signal.SIGTERM)
        eventually(server.log.read_text, lambda text: "draining" in text)
        assert watcher.get(f"{server.url}/readyz").status_code == 503
        ended(*clients, within_s=30)
        assert server.process.wait(30) == 0
    assert lost == []
    assert set(answered) == {200}


def test_a_second_signal_does_not_wait(serve: Any, tiny: Any) -> None:
    with serve(models=tiny, drain_ms=60_000) as server:
        server.process.send_signal(signal.SIGINT)
        eventually(server.log.read_text, lambda text: "draining" in text)
        assert server.end(signal.SIGINT) == 0


def test_sighup_reads_the_models_again(serve: Any, make_tiny: Any, tmp_path: Any) -> None:
    make_tiny("one")
    with serve(models="*", model_dir=tmp_path) as server:
        make_tiny("two")
        server.process.send_signal(signal.SIGHUP)

        def names() -> set[str]:
            return {one["name"] for one in httpx.get(f"{server.url}/models").json()["models"]}

        expected = {"one", "two", "places365", "efficientnet_lite0", "lenet5"}
        assert eventually(names, lambda seen: "two" in seen) == expected


def catches_sighup(process: subprocess.Popen[bytes]) -> bool:
    """Whether the program has come as far as to say what a SIGHUP is for."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    (caught,) = re.findall(r"^SigCgt:\s*(\w+)$", status, re.MULTILINE)
    return bool(int(caught, 16) >> signal.SIGHUP - 1 & 1)


@pytest.mark.parametrize("after_s", [0, 0.3, 0.8])
def test_a_sighup_while_all_is_loaded_does_not_end_it(
    tiny: Any, tmp_path: Any, after_s: float
) -> None:
    log = tmp_path / "log"
    variables = clean_environment(BOOTH_MODELS=str(tiny), BOOTH_PORT="0", BOOTH_DEMO="off")
    with started([sys.executable, "-m", "service", "serve"], log, variables) as process:
        eventually(lambda: catches_sighup(process))
        time.sleep(after_s)
        process.send_signal(signal.SIGHUP)
        eventually(log.read_text, lambda text: "ready: " in text, within_s=30)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def test_models_that_are_still_compiled_do_not_hold_up_the_end(serve: Any) -> None:
    with serve(slots=8) as server:
        assert server.end() == 0  # soon: it would take a minute, if it were waited for


def ask_as(url: str, address: str) -> int:
    return httpx.get(f"{url}/models", headers={"X-Forwarded-For": address}).status_code


def test_nobody_is_believed_whom_they_speak_for(serve: Any, tiny: Any) -> None:
    with serve(models=tiny, rate_limit_per_minute=2) as server:
        assert [ask_as(server.url, f"192.0.2.{n}") for n in range(3)] == [200, 200, 429]


def test_trusted_proxies_are(serve: Any, tiny: Any) -> None:
    proxies = "10.0.0.0/8, 127.0.0.1"
    with serve(models=tiny, rate_limit_per_minute=2, trusted_proxies=proxies) as server:
        assert [ask_as(server.url, f"192.0.2.{n}") for n in range(3)] == [200, 200, 200]
        assert [ask_as(server.url, "192.0.2.9") for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("path", ["/models/", "/docs/", "/livez/", "/openapi.json/"])
def test_no_answer_leads_where_the_host_says(server: str, path: str) -> None:
    response = httpx.get(f"{server}{path}", headers={"Host": "elsewhere.example"})
    assert response.status_code == 404
    assert "location" not in response.headers


def test_a_missing_model_ends_the_start_with_a_sentence(serve: Any) -> None:
    with pytest.raises(pytest.fail.Exception, match="did you mean efficientnet_lite0"):  # noqa: SIM117
        with serve(models="efficientnet_lite"):
            pass


def test_a_port_in_use_ends_the_start_with_a_sentence(serve: Any, tiny: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = f"can't listen on 127.0.0.1:{port}: .* set another BOOTH_HOST or BOOTH_PORT"
        with pytest.raises(pytest.fail.Exception, match=message):  # noqa: SIM117
            with serve(models=tiny, port=port):
                pass


def test_the_end_comes_within_the_grace_period_whatever_clients_do(serve: Any, tiny: Any) -> None:
    head = b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
    with serve(models=tiny, grace_ms=3900, body_timeout_ms=600_000, log="json") as server:
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port), 30) as client:
            client.sendall(head)
            assert server.end() == 0
            answer = client.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"/problems/shutting-down" in answer
    # By its own clock: when it was told to end, and when the client that says no more was let go.
    (told,) = lines_of(server.log, message="draining")
    (let_go,) = lines_of(server.log, path="/classify", status=503)
    assert instant_of(let_go) - instant_of(told) < dt.timedelta(seconds=3.9)
    assert "Traceback" not in server.log.read_text()


def lines_of(log: Path, **fields: object) -> list[dict[str, Any]]:
    """The lines of a log in JSON that have these fields."""
    lines = [
        json.loads(line)
        for line in log.read_text(encoding="utf-8").splitlines()
        if line.startswith("{")
    ]
    return [line for line in lines if fields.items() <= line.items()]


def instant_of(line: dict[str, Any]) -> dt.datetime:
    return dt.datetime.fromisoformat(line["time"])


def test_many_models_are_served_beside_each_other(
    serve: Any, tiny: Any, photos: dict[str, bytes]
) -> None:
    with serve(models=f"{tiny},efficientnet_lite0") as server:
        url = f"{server.url}/classify"
        assert httpx.post(url, content=photos["coffee"]).json()["model"] == "tiny"
        other = httpx.post(f"{url}?model=efficientnet_lite0", content=photos["coffee"]).json()
        assert other["predictions"][0]["label"] == "Espresso"


def test_whom_the_kernel_has_let_in_is_taken_in_before_the_door_closes() -> None:
    with listen(read_settings({"BOOTH_PORT": "0"})).socket as listener:
        clients = [socket.create_connection(listener.getsockname()) for _ in range(3)]
        inside = list(_accepted(listener))
        assert [one.getpeername() for one in inside] == [one.getsockname() for one in clients]
        for one in [*inside, *clients]:
            one.close()


def test_a_connection_is_kept_open_as_long_as_the_setting_says(serve: Any, tiny: Any) -> None:
    with serve(models=tiny, keep_alive_ms=300) as server:
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port), 10) as connection:
            start = time.monotonic()
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in connection.recv(4096)
            assert connection.recv(4096) == b""
            assert 0.29 < time.monotonic() - start < 10
