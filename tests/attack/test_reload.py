"""Reloading again and again: memory, threads and files stay, and nobody notices.

``RELOADS=100 python -m pytest tests/attack/test_reload.py`` for more of them than at other times.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from models import zoo
from tests.servers import Serve, Server
from tests.service.broken import break_model
from tests.service.conftest import tiny_card, write_tiny
from tests.waiting import eventually

RELOADS = int(os.environ.get("RELOADS", "10"))
ZOO = Path(zoo.__file__).parent
MODELS = ("places365", "efficientnet_lite0")
LOADED = re.compile(r'booth_model_loaded_timestamp_seconds\{model="(\w+)",[^}]*\} (\S+)')
WITHIN_S = 60.0

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Used:
    """What a process holds: bytes in memory, threads, open files and connections."""

    memory: int
    threads: int
    files: int


def used(process: psutil.Process) -> Used:
    return Used(process.memory_info().rss, process.num_threads(), process.num_fds())


def loaded(client: httpx.Client) -> dict[str, str]:
    """The models with the instants when they were loaded."""
    return dict(LOADED.findall(client.get("/metrics").text))


def says(client: httpx.Client, line: str) -> bool:
    """Whether the metrics have this line."""
    return line in client.get("/metrics").text


def replaced(file: Path, number: int) -> str:
    """Another model in the place of the one before; its name."""
    name = MODELS[number % len(MODELS)]
    new = file.with_suffix(".new")
    shutil.copy(ZOO / f"{name}.onnx", new)
    os.utime(new, (number, number))  # a file of the same instant would not be read again
    new.replace(file)
    return name


def reloads(server: Server, client: httpx.Client, file: Path, photo: bytes) -> Iterator[Used]:
    """Replace one of two models again and again; what is used each time when the new one answers.

    What is asked for meanwhile is answered by whichever of them is loaded.
    """
    process = psutil.Process(server.process.pid)
    for number in range(RELOADS):
        name = replaced(file, number)
        server.process.send_signal(signal.SIGHUP)

        def is_there(name: str = name) -> bool:
            assert client.post("/classify", content=photo).json()["model"] in MODELS
            assert client.post("/classify?model=tiny", content=photo).is_success
            return name in loaded(client)

        eventually(is_there, within_s=WITHIN_S)
        yield used(process)


def assert_flat(seen: Sequence[Used]) -> None:
    """The last third uses what the second did: in the first, libraries fill their caches."""
    third = len(seen) // 3
    before, after = seen[third : 2 * third], seen[-third:]
    grown = statistics.median(one.memory for one in after) - statistics.median(
        one.memory for one in before
    )
    told = "\n".join(map(str, seen))
    assert grown < 60e6, told
    assert max(one.threads for one in after) <= max(one.threads for one in before) + 6, told
    assert max(one.files for one in after) <= max(one.files for one in before) + 6, told


def test_reloading_models_in_each_others_place_is_flat(
    serve: Serve, tmp_path: Path, photos: dict[str, bytes]
) -> None:
    file, tiny = tmp_path / "model.onnx", write_tiny(tmp_path / "tiny.onnx", tiny_card())
    replaced(file, 1)
    with serve(models=f"{file},{tiny}") as server, httpx.Client(base_url=server.url) as client:
        assert_flat(list(reloads(server, client, file, photos["coffee"])))
        assert client.get("/readyz").is_success
        assert server.end() == 0
    assert "Traceback" not in server.log.read_text()


def test_reloading_what_can_t_be_used_is_flat(
    serve: Serve, tmp_path: Path, photos: dict[str, bytes]
) -> None:
    file = write_tiny(tmp_path / "model.onnx", tiny_card())
    kinds = [
        break_model(write_tiny(tmp_path / f"{how}.onnx", tiny_card()), how)
        for how in ("says NaN", "never runs")
    ]
    with serve(models=file) as server, httpx.Client(base_url=server.url) as client:
        process, seen = psutil.Process(server.process.pid), []
        for number in range(2 * RELOADS):
            shutil.copy(kinds[number % 2], file)
            server.process.send_signal(signal.SIGHUP)
            refused = f'booth_loads_total{{outcome="unusable"}} {number + 1}.0'
            eventually(partial(says, client, refused), within_s=WITHIN_S)
            seen.append(used(process))
        assert_flat(seen)
        assert client.post("/classify", content=photos["coffee"]).is_success
        assert server.end() == 0


def test_a_storm_of_sighups_while_requests_come_is_answered_by_old_or_new(
    serve: Serve, tmp_path: Path, photos: dict[str, bytes]
) -> None:
    file = write_tiny(tmp_path / "model.onnx", tiny_card())
    with serve(models=file) as server, httpx.Client(base_url=server.url) as client:
        process = psutil.Process(server.process.pid)
        threads = process.num_threads()
        for number in range(100):
            os.utime(file, (number, number))
            server.process.send_signal(signal.SIGHUP)
            assert client.post("/classify", content=photos["coffee"]).json()["model"] == "tiny"
        assert process.num_threads() < threads + 30
        eventually(lambda: client.get("/readyz").is_success)
        assert server.end() == 0
