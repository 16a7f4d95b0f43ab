"""FastAPI on granian: a process for each core, single-threaded, with one thread of ONNX Runtime.

Run as ``python server.py MODEL PORT``; it answers ``POST /classify``.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from fastapi import FastAPI, Request

from benchmarks.peers.work import Settings, Work

MODEL = "PEER_MODEL"
SETTINGS = Settings.read()
app = FastAPI()

if MODEL in os.environ:  # in a worker
    work = Work(os.environ[MODEL], threads=SETTINGS.threads)
    work.warm_up()


@app.post("/classify")
async def classify(request: Request) -> dict[str, Any]:
    """Label one photograph, on the event loop: there is no other thread to wait for."""
    return work.predict(await request.body())


if __name__ == "__main__":
    from granian import Granian
    from granian.constants import Interfaces, Loops

    os.environ[MODEL] = sys.argv[1]
    Granian(
        "benchmarks.peers.granian.server:app",
        port=int(sys.argv[2]),
        interface=Interfaces.ASGI,
        workers=SETTINGS.workers,
        loop=Loops.uvloop,
        log_access=False,
    ).serve()
