"""Decoding in other processes: the same pixels and errors, and an end to whatever goes wrong."""

from __future__ import annotations

import io
import math
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from booth_client.errors import (
    BadImage,
    DeadlineExceeded,
    Overloaded,
    ShuttingDown,
    TooManyPixels,
    UnsupportedFormat,
)
from models.card import Input
from service.photo import process as process_module
from service.photo.apart import DecoderProcesses
from service.photo.decode import DecodedPhoto, decode
from tests.service.photo.costly import blank_webp
from tests.waiting import eventually

INPUT = Input(size=224, resize=256, interpolation="bicubic")

LONG = blank_webp(7000)  # takes seconds


@pytest.fixture(scope="module")
def shared_processes() -> Iterator[DecoderProcesses]:
    processes = DecoderProcesses(2, seconds=60)
    yield processes
    processes.close()


@pytest.fixture
def processes() -> Iterator[list[DecoderProcesses]]:
    """Closes at the end what the test put in."""
    opened: list[DecoderProcesses] = []
    yield opened
    for each in opened:
        each.close()


def state(pid: int) -> str:
    """A letter of the system's, as S for sleeping; X for what is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def is_gone(pid: int) -> bool:
    return state(pid) in "XZ"


def test_of_a_photograph_cut_short_the_answer_is_the_same_as_here(
    shared_processes: DecoderProcesses, photos: dict[str, bytes]
) -> None:
    data = photos["chelsea"]
    there, here = shared_processes.decode(data[:-2], INPUT), decode(data[:-2], INPUT)
    assert (there.pixels == here.pixels).all()
    assert (there.pixels == decode(data, INPUT).pixels).all()
    refusals = []
    for way in (shared_processes.decode, decode):
        with pytest.raises(BadImage, match="of its picture is there") as caught:
            way(data[: len(data) // 2], INPUT)
        refusals.append(caught.value.detail)
    assert refusals[0] == refusals[1]


def test_the_pixels_are_those_of_decoding_here(
    shared_processes: DecoderProcesses, photos: dict[str, bytes]
) -> None:
    for data in photos.values():
        there, here = shared_processes.decode(memoryview(data), INPUT), decode(data, INPUT)
        assert (there.pixels == here.pixels).all()
        assert (there.width, there.height) == (here.width, here.height)
        assert not there.pixels.flags.writeable


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", BadImage),
        (b"%PDF-1.7", UnsupportedFormat),
        (LONG[:25], BadImage),
        (blank_webp(16_000), TooManyPixels),
    ],
)
def test_the_errors_are_those_of_decoding_here(
    shared_processes: DecoderProcesses, data: bytes, kind: type[Exception]
) -> None:
    details = []
    for way in (shared_processes.decode, decode):
        with pytest.raises(kind) as caught:
            way(data, INPUT)
        details.append(str(caught.value))
    assert details[0] == details[1]


def test_the_pixel_limit_is_told(
    shared_processes: DecoderProcesses, photos: dict[str, bytes]
) -> None:
    with pytest.raises(TooManyPixels, match="1,000 pixels"):
        shared_processes.decode(photos["chelsea"], INPUT, max_pixels=1000)


def test_processes_are_used_again_and_no_more_than_may_be(photos: dict[str, bytes]) -> None:
    processes = DecoderProcesses(2, seconds=60)
    assert processes.pids == []
    processes.decode(photos["chelsea"], INPUT)
    (first,) = processes.pids
    processes.decode(photos["coffee"], INPUT)
    assert processes.pids == [first]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda _: processes.decode(photos["chelsea"], INPUT), range(16)))
    assert len({photo.pixels.tobytes() for photo in together}) == 1
    pids = processes.pids
    assert 1 <= len(pids) <= 2
    processes.close()
    assert all(is_gone(pid) for pid in pids)
    with pytest.raises(ShuttingDown):
        processes.decode(photos["chelsea"], INPUT)


def test_what_takes_too_long_is_ended_and_the_next_is_decoded(
    processes: list[DecoderProcesses],
    photos: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process_module, "_LEAST_SHARE", 0)
    processes.append(pool := DecoderProcesses(1, seconds=0.3))
    start = time.monotonic()
    with pytest.raises(BadImage, match="WEBP file is laid out"):
        pool.decode(LONG, INPUT)
    assert time.monotonic() - start < 10
    assert pool.pids == []
    monkeypatch.undo()
    processes.append(patient := DecoderProcesses(1, seconds=60))
    assert patient.decode(photos["chelsea"], INPUT).width == 451


def test_a_process_kept_from_the_processor_is_no_fault_of_the_photograph(
    processes: list[DecoderProcesses], photos: dict[str, bytes]
) -> None:
    processes.append(pool := DecoderProcesses(1, seconds=0.5))
    pool.decode(photos["chelsea"], INPUT)
    os.kill(pool.pids[0], signal.SIGSTOP)
    with pytest.raises(Overloaded):
        pool.decode(photos["chelsea"], INPUT)
    assert pool.pids == []


def test_the_deadline_ends_decoding_and_waiting(
    processes: list[DecoderProcesses], photos: dict[str, bytes]
) -> None:
    processes.append(pool := DecoderProcesses(1, seconds=60))
    with pytest.raises(DeadlineExceeded):  # while it starts, which goes on
        pool.decode(photos["chelsea"], INPUT, deadline=time.monotonic() + 0.01)
    (pid,) = pool.pids
    assert pool.decode(photos["chelsea"], INPUT).width == 451
    assert pool.pids == [pid]
    with ThreadPoolExecutor(1) as thread:
        long = thread.submit(pool.decode, LONG, INPUT, deadline=time.monotonic() + 1)
        eventually(lambda: state(pid), "R".__eq__)
        with pytest.raises(DeadlineExceeded):  # while another photograph is decoded
            pool.decode(photos["chelsea"], INPUT, deadline=time.monotonic() + 0.01)
        with pytest.raises(DeadlineExceeded):
            long.result(20)
    assert is_gone(pid)


def in_the_midst(pool: DecoderProcesses, thread: ThreadPoolExecutor) -> Future[DecodedPhoto]:
    """A photograph whose decoding has begun."""
    (pid,) = pool.pids
    decoding = thread.submit(pool.decode, LONG, INPUT)
    eventually(lambda: state(pid), "R".__eq__)
    return decoding


def test_a_process_that_dies_takes_one_photograph_along(
    processes: list[DecoderProcesses], photos: dict[str, bytes]
) -> None:
    processes.append(pool := DecoderProcesses(1, seconds=60))
    pool.decode(photos["chelsea"], INPUT)
    with ThreadPoolExecutor(1) as thread:
        decoding = in_the_midst(pool, thread)
        os.kill(pool.pids[0], signal.SIGKILL)
        with pytest.raises(BadImage, match="WEBP file is laid out"):
            decoding.result(20)
    assert pool.decode(photos["chelsea"], INPUT).width == 451


def test_closing_gives_up_what_is_decoded(
    processes: list[DecoderProcesses], photos: dict[str, bytes]
) -> None:
    processes.append(pool := DecoderProcesses(1, seconds=60))
    pool.decode(photos["chelsea"], INPUT)
    with ThreadPoolExecutor(1) as thread:
        decoding = in_the_midst(pool, thread)
        pool.close()
        with pytest.raises(ShuttingDown):
            decoding.result(20)
    assert pool.pids == []


def test_memory_is_bounded(processes: list[DecoderProcesses], photos: dict[str, bytes]) -> None:
    processes.append(pool := DecoderProcesses(1, seconds=60, memory_bytes=100_000_000))
    with pytest.raises(TooManyPixels, match="WEBP file has so many pixels"):
        pool.decode(LONG, INPUT)
    assert pool.decode(photos["chelsea"], INPUT).width == 451


def test_an_idle_process_ends_and_another_takes_over(
    processes: list[DecoderProcesses], photos: dict[str, bytes]
) -> None:
    processes.append(pool := DecoderProcesses(1, seconds=60, idle_s=0.05))
    pool.decode(photos["chelsea"], INPUT)
    (pid,) = pool.pids
    eventually(lambda: is_gone(pid))
    assert pool.decode(photos["chelsea"], INPUT).width == 451
    assert pool.pids != [pid]


def test_a_process_holds_nothing_of_ours(
    processes: list[DecoderProcesses],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("BOOTH_API_KEYS", "secret")
    processes.append(pool := DecoderProcesses(1, seconds=60))
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "TIFF", compression="tiff_deflate")
    damaged = file.getvalue().replace(b"\x78\x9c", b"\xff\xff")  # libtiff writes a line about it
    with pytest.raises(BadImage):
        decode(damaged, INPUT)
    assert capfd.readouterr().err
    with pytest.raises(BadImage):
        pool.decode(damaged, INPUT)
    assert capfd.readouterr() == ("", "")
    (pid,) = pool.pids
    files = [str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()]
    assert sum(name.startswith("socket:") for name in files) == 1
    assert files.count("/dev/null") == 3
    assert len(files) == 4
    assert b"secret" not in Path(f"/proc/{pid}/environ").read_bytes()
    assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0)


def test_no_deadline_is_none(shared_processes: DecoderProcesses, photos: dict[str, bytes]) -> None:
    assert shared_processes.decode(photos["chelsea"], INPUT, deadline=math.inf).width == 451
