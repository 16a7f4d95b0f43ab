"""Calls of gRPC to a service under test, with messages of our own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from service.grpc.messages import HEALTH_SERVICE, INFERENCE_SERVICE, health, inference
from service.run.protocol import Protocol
from tests.servers import Inside, free_port, serving_inside

__all__ = ["Client", "asking_for", "framed", "refused", "speaking"]

WITHIN_S = 10.0


class Client:
    """Calls one service. Each call ends within some seconds, or with an error."""

    def __init__(self, target: str) -> None:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
        self.channel = grpc.insecure_channel(target, options)

    def ask(self, method: str, **fields: Any) -> Any:
        """The answer of a method of the Open Inference Protocol."""
        path = f"/{INFERENCE_SERVICE}/{method}"
        sent = inference[f"{method}Request"](**fields).SerializeToString()
        got = self.channel.unary_unary(path)(sent, timeout=WITHIN_S, wait_for_ready=True)
        return inference[f"{method}Response"].FromString(got)

    def infer(
        self, *photos: bytes, metadata: Any = None, timeout: float = WITHIN_S, **more: Any
    ) -> Any:
        """The answer to photographs, and the metadata behind it."""
        call = self.channel.unary_unary(f"/{INFERENCE_SERVICE}/ModelInfer")
        message = asking_for(*photos, **more).SerializeToString()
        got, of = call.with_call(message, timeout=timeout, metadata=metadata, wait_for_ready=True)
        return inference["ModelInferResponse"].FromString(got), dict(of.trailing_metadata())

    def raw(self, message: bytes, method: str = f"{INFERENCE_SERVICE}/ModelInfer") -> bytes:
        """What a method answers to bytes."""
        call = self.channel.unary_unary(f"/{method}")
        got: bytes = call(message, timeout=WITHIN_S, wait_for_ready=True)
        return got

    def health(self, service: str = "") -> int:
        """The status of a service."""
        sent = health["HealthCheckRequest"](service=service).SerializeToString()
        got = self.raw(sent, f"{HEALTH_SERVICE}/Check")
        status: int = health["HealthCheckResponse"].FromString(got).status
        return status


def framed(*photos: bytes) -> bytes:
    """Photographs as a tensor of BYTES."""
    return b"".join(len(one).to_bytes(4, "little") + one for one in photos)


def asking_for(*photos: bytes, **more: Any) -> Any:
    """A request for photographs, in ``raw_input_contents``."""
    tensor = {"name": "image", "datatype": "BYTES", "shape": [len(photos)]}
    given = {"inputs": [tensor], "raw_input_contents": [framed(*photos)], **more}
    return inference["ModelInferRequest"](**given)


def refused(code: grpc.StatusCode, ask: Callable[[], object]) -> str:
    """Checks that a call is refused, and gives the sentence."""
    with pytest.raises(grpc.RpcError) as caught:
        ask()
    assert caught.value.code() is code, caught.value.details()
    return str(caught.value.details())


@contextlib.contextmanager
def speaking(**settings: object) -> Iterator[tuple[Inside, Client]]:
    """A service in this process that speaks gRPC, and a client of it."""
    port = free_port()
    with serving_inside(Protocol, grpc_port=port, **settings) as inside:
        client = Client(f"127.0.0.1:{port}")
        with client.channel:
            yield inside, client
