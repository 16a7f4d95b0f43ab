"""Ray Serve behind HAProxy: a replica for each core, with one thread of ONNX Runtime.

Run as ``python server.py MODEL PORT``; it answers ``POST /classify``.
"""

import os
import signal
import sys
import threading
from typing import Any

# https://docs.ray.io/en/master/serve/advanced-guides/performance.html; read on import.
os.environ.setdefault("RAY_SERVE_ENABLE_HA_PROXY", "1")
os.environ.setdefault("RAY_SERVE_THROUGHPUT_OPTIMIZED", "1")
os.environ.setdefault("RAY_SERVE_HAPROXY_NBTHREAD", "1")
os.environ.setdefault("RAY_SERVE_HAPROXY_METRICS_ENABLED", "0")

import ray
from ray import serve
from starlette.requests import Request

from benchmarks.peers.work import Settings, Work, cores

SETTINGS = Settings.read(batch=8, window_ms=1)


@serve.deployment(
    num_replicas=SETTINGS.workers,
    max_ongoing_requests=100,
    ray_actor_options={"num_cpus": cores() / SETTINGS.workers},
)
class Classifier:
    """Labels photographs; Ray makes one in each replica."""

    def __init__(self, model: str) -> None:
        self.work = Work(model, SETTINGS.threads)
        self.work.warm_up()

    async def __call__(self, request: Request) -> Any:
        """Label one photograph."""
        photo = await request.body()
        return self.work.predict(photo) if SETTINGS.batch == 1 else await self.batched(photo)

    @serve.batch(  # type: ignore[untyped-decorator]
        max_batch_size=SETTINGS.batch, batch_wait_timeout_s=SETTINGS.window_ms / 1000
    )
    async def batched(self, photos: list[bytes]) -> list[dict[str, Any]]:
        """Label the photographs of a batch."""
        return self.work.predict_batch(photos)


if __name__ == "__main__":
    ray.init(num_cpus=cores(), include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[2])})
    application = Classifier.bind(sys.argv[1])  # type: ignore[attr-defined]
    serve.run(application, route_prefix="/classify")
    end = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: end.set())
    end.wait()
    serve.shutdown()
    ray.shutdown()
