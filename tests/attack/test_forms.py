"""Odd forms, many at a time, on a machine that can write no file."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.servers import Serve, Server
from tests.service.asking import RED, samples

HEADERS = {"Content-Type": "multipart/form-data; boundary=x"}
FILE = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.png"\r\n\r\n%b\r\n'
FIELD = b'--x\r\nContent-Disposition: form-data; name="top_k"\r\n\r\n1\r\n'
END = b"--x--\r\n"


@pytest.fixture(scope="module")
def odd_server(serve: Serve) -> Iterator[Server]:
    with serve(models="places365") as running:
        yield running


def post(server: Server, body: bytes) -> httpx.Response:
    return httpx.post(f"{server.url}/classify", content=body, headers=HEADERS, timeout=60)


def well(server: Server) -> None:
    """It answers, holds nothing, and has told of no fault."""
    assert post(server, FILE % RED + END).is_success
    assert samples(server.url)["booth_memory_reserved_bytes"] == 0
    assert "Traceback" not in server.log.read_text(encoding="utf-8")


def test_forms_need_no_room_on_the_disk(serve: Serve) -> None:
    body = FILE % (RED + bytes(2_000_000)) + END  # what follows a PNG's end is passed over
    with serve(models="places365") as server:
        # As good as a full disk: no file may grow beyond what the log needs.
        limit = (1_000_000, resource.RLIM_INFINITY)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limit)
        with ThreadPoolExecutor(64) as pool:
            told = Counter(pool.map(lambda _: post(server, body).status_code, range(24)))
        well(server)
    assert set(told) <= {200, 503}
    assert told[200] > 12


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (FILE % RED + (FILE % RED)[:-20], 422, "cut off"),
        (FILE % RED + FILE % RED, 422, "cut off"),
        (1001 * (FILE % b"1") + END, 413, "too many photographs"),
        (FIELD * 300_000 + END, 422, "given more than once"),
        (FIELD.replace(b"top_k", b"a") * 300_000 + END, 422, "no parameter 'a'"),
        (FIELD + END, 400, "no file"),
        (b"--x\r\n" * 1_000_000 + END, 422, "malformed"),
        (b"--x\r\n\r\n" * 1_000_000 + END, 422, "neither a parameter's name nor a file's"),
        (b"--x\r\nA:" + b"a" * 10_000_000 + END, 422, "malformed"),
        (b"--x" + b" " * 10_000_000 + END, 422, "malformed"),
        (b"--x\r\nContent-Disposition: " + b'";' * 8000 + b"\r\n\r\n" + END, 422, "neither"),
        (b"--x\r\nContent-Disposition: " + b';a="\\' * 3000 + b"\r\n\r\n" + END, 422, "neither"),
        (b"--x\r\nContent-Type:" + b" " * 16_000 + b"\r\n\r\n" + END, 422, "neither"),
        (FILE % RED + b"\r\n--" * 4_000_000, 422, "malformed"),
    ],
    ids=lambda value: str(value)[:24] if isinstance(value, str) else None,
)
def test_an_odd_form_is_told_what_is_wrong_with_it(
    odd_server: Server, body: bytes, status: int, says: str
) -> None:
    response = post(odd_server, body)
    assert response.status_code == status, response.text
    assert says in response.json()["detail"]
    assert response.elapsed.total_seconds() < 5
    well(odd_server)


@pytest.mark.parametrize(
    "body",
    [
        b"preamble\r\n" + FILE % RED + END + b"epilogue",
        FIELD + FILE % RED + END,
        (FILE % RED).replace(b"filename=", b"filename*=UTF-8''") + END,
        (FILE % RED).replace(b' name="a";', b"") + END,
    ],
)
def test_an_odd_form_that_is_one_is_answered(odd_server: Server, body: bytes) -> None:
    assert "predictions" in post(odd_server, body).json()
