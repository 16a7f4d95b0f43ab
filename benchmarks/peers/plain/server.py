"""The endpoint that most people write: FastAPI, Pillow and an ONNX Runtime session, no batching.

Run as ``python server.py MODEL PORT``; it answers ``POST /classify``.
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

from benchmarks.peers.work import Work

app = FastAPI()


@app.post("/classify")
async def classify(request: Request) -> dict[str, Any]:
    """Label one photograph."""
    return await run_in_threadpool(app.state.work.predict, await request.body())


if __name__ == "__main__":
    app.state.work = Work(sys.argv[1])
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False)
