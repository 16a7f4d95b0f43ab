"""Clients that do no harm, from an address of their own: what they get while others attack."""

from __future__ import annotations

import contextlib
import math
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

# All of 127.0.0.0/8 is this machine, so that every client can have an address of its own.
INNOCENT, ATTACKER = "127.0.0.2", "127.0.0.3"


def client_from(address: str, timeout_s: float = 30) -> httpx.Client:
    """A client whose connections come from ``address``."""
    return httpx.Client(
        transport=httpx.HTTPTransport(
            local_address=address, limits=httpx.Limits(max_connections=512)
        ),
        timeout=timeout_s,
    )


@dataclass
class Innocents:
    """What they got: the seconds of each answer, and how many other outcomes there were."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)

    @property
    def answered(self) -> float:
        """The share of their requests that were answered."""
        return len(self.seconds) / (len(self.seconds) + len(self.failures))

    @property
    def p99_s(self) -> float:
        """The 99th percentile of the answers' seconds; infinite without an answer.

        Never above the longest of them: of few answers, a quantile that is carried on beyond
        them would make two out of one that was late.
        """
        if len(self.seconds) < 2:
            return max(self.seconds, default=math.inf)
        return statistics.quantiles(self.seconds, n=100, method="inclusive")[98]

    def ask(self, client: httpx.Client, url: str, photo: bytes) -> None:
        """Ask once."""
        start = time.perf_counter()
        try:
            response = client.post(f"{url}/classify?top_k=1", content=photo)
        except httpx.HTTPError as error:
            self.failures.append(type(error).__name__)
            return
        if response.status_code == httpx.codes.OK:
            self.seconds.append(time.perf_counter() - start)
            self.labels.add(response.json()["predictions"][0]["category"])
        else:
            self.failures.append(f"{response.status_code} {response.text[:200]}")


@contextlib.contextmanager
def innocents(url: str, photo: bytes, pause_s: float = 0.05) -> Iterator[Innocents]:
    """One who asks again and again while the block runs."""
    found, over = Innocents(), threading.Event()

    def ask_on() -> None:
        with client_from(INNOCENT) as client:
            while not over.wait(pause_s):
                found.ask(client, url, photo)

    asking = threading.Thread(target=ask_on)
    asking.start()
    try:
        yield found
    finally:
        over.set()
        asking.join()
