"""LitServe: an API server, and a worker process for each core with one thread of ONNX Runtime.

Run as ``python server.py MODEL PORT``; it answers ``POST /classify``.
"""

import os
import sys
from typing import Annotated, Any

import litserve
from fastapi import Body

from benchmarks.peers.work import Settings, Work

SETTINGS = Settings.read(batch=4)


class Classifier(litserve.LitAPI):  # type: ignore[misc]
    """Labels photographs; LitServe makes one in each worker."""

    def setup(self, device: str) -> None:
        """Load the model, in each worker."""
        del device
        self.work = Work(sys.argv[1], threads=SETTINGS.threads)
        self.work.warm_up()

    def decode_request(self, request: Annotated[bytes, Body(media_type="image/jpeg")]) -> bytes:
        """Take the body as it is."""
        return request

    def predict(self, photos: Any) -> Any:
        """Label one photograph, or the photographs of a batch."""
        if isinstance(photos, bytes):
            return self.work.predict(photos)
        return self.work.predict_batch(photos)

    def batch(self, inputs: list[bytes]) -> list[bytes]:
        """Photographs are files yet: nothing to stack."""
        return inputs

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The answers are one for each photograph."""
        return output

    def encode_response(self, answer: dict[str, Any]) -> dict[str, Any]:
        """LitServe makes it JSON."""
        return answer


if __name__ == "__main__":
    litserve.LitServer(
        Classifier(
            api_path="/classify",
            max_batch_size=SETTINGS.batch,
            batch_timeout=SETTINGS.window_ms / 1000,
        ),
        accelerator="cpu",
        workers_per_device=SETTINGS.workers,
        fast_queue="PEER_SLOW_QUEUE" not in os.environ,
    ).run(
        host="127.0.0.1",
        port=int(sys.argv[2]),
        num_api_servers=int(os.environ.get("PEER_API_SERVERS", "1")),
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )
