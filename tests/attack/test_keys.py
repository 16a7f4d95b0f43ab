"""Keys guessed and rates stretched: what those with a key, and the neighbours, get meanwhile."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.attack.innocents import ATTACKER, INNOCENT, Innocents, client_from
from tests.servers import Serve
from tests.service.asking import BLUE, RED
from tests.service.conftest import tiny_card, write_tiny
from tests.waiting import eventually

GUESSES, A_MINUTE = 1000, 600
MOST_LOG_BYTES = 1_000_000
MOST_GROWTH_BYTES = 100e6


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("models") / "tiny.onnx", tiny_card())


@contextlib.contextmanager
def asking(url: str, address: str, key: str = "") -> Iterator[Innocents]:
    """Somebody from an address, with a key, who asks again and again while the block runs."""
    found, over = Innocents(), threading.Event()

    def ask_on() -> None:
        with client_from(address) as client:
            if key:
                client.headers["Authorization"] = f"Bearer {key}"
            while not over.wait(0.03):
                found.ask(client, url, RED)

    thread = threading.Thread(target=ask_on)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def attacking(attack: Callable[[httpx.Client, int], httpx.Response], times: int) -> Counter[int]:
    """The statuses that an attack got from four connections of one address."""
    statuses: Counter[int] = Counter()

    def attack_on(first: int) -> None:
        with client_from(ATTACKER) as client:
            for number in range(first, times, 4):
                statuses[attack(client, number).status_code] += 1

    threads = [threading.Thread(target=attack_on, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


@pytest.mark.parametrize("address", [ATTACKER, INNOCENT])
def test_who_guesses_keys_takes_nothing_from_who_has_one(
    serve: Serve, tiny: Path, tmp_path: Path, address: str
) -> None:
    keys = tmp_path / "keys"
    keys.write_text("old\nvalid\n")
    with serve(models=tiny, api_keys_file=keys, rate_limit_per_minute=A_MINUTE) as server:

        def guess(client: httpx.Client, number: int) -> httpx.Response:
            if number == GUESSES // 2:  # keys rotate under the attack
                keys.write_text("valid\n")
                server.process.send_signal(signal.SIGHUP)
            headers = {"Authorization": f"Bearer {number}"}
            return client.post(f"{server.url}/classify", content=RED, headers=headers)

        memory = psutil.Process(server.process.pid).memory_info
        before = memory().rss
        with asking(server.url, address, "valid") as alone:
            eventually(lambda: len(alone.seconds) > 10)
        with asking(server.url, address, "valid") as innocents:
            statuses = attacking(guess, GUESSES)
            eventually(lambda: len(innocents.seconds) + len(innocents.failures) > 20)
        assert statuses.total() == statuses[401] + statuses[429] == GUESSES
        assert statuses[401] < 1.3 * A_MINUTE  # the window slides meanwhile
        assert innocents.failures == []
        assert innocents.p99_s < 1 + 2 * alone.p99_s  # this machine may have other work
        assert innocents.labels == {"red"}
        assert memory().rss - before < MOST_GROWTH_BYTES
        assert server.log.stat().st_size < MOST_LOG_BYTES
        old = httpx.get(f"{server.url}/models", headers={"Authorization": "Bearer old"})
        assert old.status_code == 401
        assert httpx.get(f"{server.url}/readyz").status_code == 200


def test_many_photographs_in_a_request_do_not_stretch_the_rate(serve: Serve, tiny: Path) -> None:
    form = [("photo", BLUE)] * 64
    with serve(models=tiny, rate_limit_per_minute=300) as server:

        def send(client: httpx.Client, _number: int) -> httpx.Response:
            return client.post(f"{server.url}/classify", files=form)

        with asking(server.url, INNOCENT) as alone:
            eventually(lambda: len(alone.seconds) > 10)
        with asking(server.url, INNOCENT) as innocents:
            statuses = attacking(send, 100)
            eventually(lambda: len(innocents.seconds) + len(innocents.failures) > 20)
        assert statuses[200] <= 1.3 * 300 / 64
        assert statuses[429] >= 90
        assert innocents.answered >= 0.8
        assert innocents.p99_s < 1 + 2 * alone.p99_s  # this machine may have other work
        assert innocents.labels == {"red"}
        assert httpx.get(f"{server.url}/readyz").status_code == 200
