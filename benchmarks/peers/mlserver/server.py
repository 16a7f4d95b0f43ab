"""MLServer: a REST server, and a worker process for each core with one thread of ONNX Runtime.

Run as ``python server.py MODEL PORT``; it answers ``POST /classify``, a custom handler: a
photograph in the Open Inference Protocol's JSON would cost more to read than to decode.
"""

import asyncio
import sys
from typing import Annotated, Any

from fastapi import Body
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.handlers import custom_handler
from mlserver.settings import ModelParameters

from benchmarks.peers.ports import free_ports
from benchmarks.peers.work import Settings as Chosen
from benchmarks.peers.work import Work

CHOSEN = Chosen.read()


class Classifier(MLModel):  # type: ignore[misc]
    """One photograph at a time: MLServer batches its own protocol alone."""

    async def load(self) -> bool:
        """Load the model, in each worker."""
        self.work = Work(self.settings.parameters.uri, CHOSEN.threads)
        self.work.warm_up()
        return True

    @custom_handler(rest_path="/classify")  # type: ignore[untyped-decorator]
    async def classify(
        self, photo: Annotated[bytes, Body(media_type="image/jpeg")]
    ) -> dict[str, Any]:
        """Label one photograph."""
        return self.work.predict(photo)


async def serve(model: str, port: int) -> None:
    """Serve until told to end."""
    settings = Settings(
        debug=False,
        host="127.0.0.1",
        http_port=port,
        grpc_port=free_ports(1)[0],
        metrics_endpoint=None,
        parallel_workers=CHOSEN.workers,
        gzip_enabled=False,
    )
    classifier = ModelSettings(
        name="classifier",
        implementation="benchmarks.peers.mlserver.server.Classifier",
        parameters=ModelParameters(uri=model),
    )
    await MLServer(settings).start([classifier])


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
