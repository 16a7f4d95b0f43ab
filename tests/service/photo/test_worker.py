"""The process's own side; what it does for others is under test in test_apart."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from models.card import Input
from service.photo.messages import read, receive, send
from service.photo.worker import READY, serve
from tests.service.photo.costly import blank_webp
from tests.waiting import SOON_S

# As a card has it: with what decoding does not need, too.
WANTED = Input(size=24, resize=28, interpolation="bilinear").model_dump()


def request(seconds: float) -> dict[str, object]:
    return {"wanted": WANTED, "max_pixels": 50_000_000, "seconds": seconds}


@pytest.fixture
def worker() -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    ours, theirs = socket.socketpair()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    number = theirs.fileno()
    command = [sys.executable, "-m", "service.photo.worker", str(number), str(1 << 30), "60"]
    with ours, subprocess.Popen(command, env=environment, pass_fds=[number]) as process:
        theirs.close()
        assert read(ours, 1, time.monotonic() + SOON_S) == READY
        yield process, ours
        process.kill()


def test_it_ends_when_nobody_is_there(
    worker: tuple[subprocess.Popen[bytes], socket.socket],
) -> None:
    process, connection = worker
    connection.close()
    assert process.wait(SOON_S) == 0


def test_it_is_ended_in_time_though_nobody_does_it(
    worker: tuple[subprocess.Popen[bytes], socket.socket],
) -> None:
    process, connection = worker
    send(connection, request(-0.9), blank_webp(7000))
    assert process.wait(SOON_S) == -signal.SIGALRM


def test_a_signal_to_the_whole_group_leaves_it_at_work(
    worker: tuple[subprocess.Popen[bytes], socket.socket], photos: dict[str, bytes]
) -> None:
    process, connection = worker
    process.terminate()
    process.send_signal(signal.SIGINT)
    send(connection, request(5), photos["chelsea"])
    fields, pixels = receive(connection, 24 * 24 * 3, time.monotonic() + SOON_S)
    (left, top, right, bottom) = fields.pop("seen")[2]
    assert (right - left, bottom - top) == pytest.approx((257.7, 257.1), abs=0.1)
    assert (left + right, top + bottom) == pytest.approx((450.4, 300), abs=1)
    assert fields == {"width": 451, "height": 300}
    assert len(pixels) == 24 * 24 * 3


def test_it_stops_serving_after_a_while_without_work() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        serve(theirs, idle_s=0.01)
        assert read(ours, 1) == READY
