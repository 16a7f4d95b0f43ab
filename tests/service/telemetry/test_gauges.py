"""What is loaded and what waits, as a scrape finds it."""

from __future__ import annotations

import threading
from typing import Any

from tests.service.asking import samples


def test_what_is_accepted_counts_until_it_is_answered(
    inside: Any, photos: dict[str, bytes]
) -> None:
    classifier = inside.state.fleet.get().classifier
    accepted, limit = (f'booth_accepted_images{name}{{model="tiny"}}' for name in ("", "_limit"))
    gate = threading.Event()
    run = classifier.batcher._run_alone
    classifier.batcher._run_alone = lambda photos: gate.wait(10) and run(photos)
    (held,) = classifier.submit([photos["coffee"]])
    page = samples(inside.url)
    assert (page[accepted], page[limit]) == (1, 4)
    gate.set()
    held.wait()
    classifier.close()
    assert samples(inside.url)[accepted] == 0


def test_the_metrics_say_whether_traffic_is_welcome(inside: Any) -> None:
    assert samples(inside.url)["booth_ready"] == 1
    inside.state.draining = True
    assert samples(inside.url)["booth_ready"] == 0
