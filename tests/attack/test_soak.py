"""Half a minute of mixed traffic; ``python -m benchmarks.soak`` goes on for an hour."""

from __future__ import annotations

import os

import httpx
import pytest

from benchmarks.soak import Traffic, grown, sampled
from tests.servers import Serve, is_up, opened

SECONDS = float(os.environ.get("SOAK_SECONDS", "12"))
SAMPLES = 30

pytestmark = pytest.mark.timeout(SECONDS + 120)


def test_mixed_traffic_leaves_nothing_behind(serve: Serve, photos: dict[str, bytes]) -> None:
    with serve(demo="on") as server:
        # The page is opened after the API, and holds memory, threads and files of its own.
        is_up(server.process, server.log, lambda: opened(server.url))
        with Traffic(server.url, list(photos.values())) as traffic:
            before, after, more = grown(list(sampled(server.process.pid, SECONDS, SAMPLES)))
        assert not more, f"{before}\n{after}"
        statuses = {status for _, status in traffic.outcomes}
        assert 500 not in statuses, traffic.outcomes
        assert traffic.outcomes["photo", 200] > 0, traffic.outcomes
        assert traffic.outcomes["costly", 200] > 0, traffic.outcomes
        assert httpx.post(f"{server.url}/classify", content=photos["coffee"]).is_success
        assert httpx.get(f"{server.url}/readyz").is_success
        assert "Traceback" not in server.log.read_text()
        assert server.end() == 0
