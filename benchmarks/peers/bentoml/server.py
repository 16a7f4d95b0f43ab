"""BentoML: a worker process for each core, single-threaded, with one thread of ONNX Runtime.

Run as ``python server.py MODEL PORT``; it answers ``POST /classify``.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import bentoml
from PIL.Image import Image

from benchmarks.peers.work import Settings, Work

MODEL = "PEER_MODEL"


SETTINGS = Settings.read()


@bentoml.service(workers=SETTINGS.workers, threads=1, traffic={"timeout": 60})
class Classifier:
    """One photograph at a time: batches gave nothing on CPUs."""

    def __init__(self) -> None:
        self.work = Work(os.environ[MODEL], SETTINGS.threads)
        self.work.warm_up()

    @bentoml.api  # type: ignore[untyped-decorator]
    def classify(
        self, photo: Annotated[Image, bentoml.validators.ContentType("image/jpeg")], /
    ) -> dict[str, Any]:
        """Label one photograph."""
        return self.work.answer(self.work.run([self.work.square(photo)])[0])


if __name__ == "__main__":
    os.environ[MODEL] = sys.argv[1]
    os.execv(  # noqa: S606 no shell is wanted
        Path(sys.executable).with_name("bentoml"),
        [
            *("bentoml", "serve", "benchmarks.peers.bentoml.server:Classifier"),
            *("--host", "127.0.0.1", "--port", sys.argv[2]),
        ],
    )
