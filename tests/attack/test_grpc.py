"""gRPC, whose library has a message before Booth sees it: what is held is bounded all the same."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from tests.attack.test_bodies import MEMORY, SIZE, resident, watched
from tests.servers import Serve, Server, free_port
from tests.service.asking import RED, samples
from tests.service.grpc.calling import asking_for
from tests.waiting import ended, eventually

INFER = "/inference.GRPCInferenceService/ModelInfer"
WITHIN_S = 10.0

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="it reads Linux's /proc"
)


@pytest.fixture(scope="module")
def attacked(serve: Serve) -> Iterator[tuple[Server, str]]:
    """A service that speaks gRPC, and where."""
    port = free_port()
    limits = {"memory_bytes": MEMORY, "body_timeout_ms": 2000}
    with serve(models="lenet5", grpc_port=port, **limits) as server:
        yield server, f"127.0.0.1:{port}"


def channel(target: str) -> grpc.Channel:
    """One with a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
    return grpc.insecure_channel(target, options)


def answered(server: Server) -> bool:
    """Whether somebody else gets an answer."""
    return httpx.post(f"{server.url}/classify", content=RED, timeout=WITHIN_S).is_success


def status(call: Any) -> grpc.StatusCode:
    """That with which a call ends."""
    try:
        call()
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


def test_large_messages_stay_in_the_budget(attacked: tuple[Server, str]) -> None:
    server, target = attacked
    message, over = b"\x3a\x01\x00" + b"\xff" * (SIZE - 3), threading.Event()
    seen: Counter[grpc.StatusCode] = Counter()

    def send() -> None:
        with channel(target) as own:
            infer = own.unary_unary(INFER)
            while not over.is_set():
                seen[status(lambda: infer(message, timeout=WITHIN_S))] += 1

    threads = [threading.Thread(target=send) for _ in range(16)]
    with watched(server) as memory:
        for thread in threads:
            thread.start()
        eventually(lambda: seen.total() > 80, within_s=20)
        assert answered(server)
        over.set()
        ended(*threads, within_s=2 * WITHIN_S)
    assert max(memory) < MEMORY
    assert set(seen) <= {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED}


def test_what_is_unpacked_is_bounded(attacked: tuple[Server, str]) -> None:
    server, target = attacked
    with channel(target) as own, watched(server) as memory:
        infer, gzip = own.unary_unary(INFER), grpc.Compression.Gzip
        code = status(lambda: infer(bytes(60_000_000), compression=gzip, timeout=WITHIN_S))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert max(memory) < MEMORY


def test_calls_that_send_nothing_hold_little(attacked: tuple[Server, str]) -> None:
    server, target = attacked
    over = threading.Event()

    def nothing() -> Iterator[bytes]:
        over.wait(WITHIN_S)
        yield from ()

    with contextlib.ExitStack() as stack, watched(server) as memory:
        stack.callback(over.set)
        own = [stack.enter_context(channel(target)) for _ in range(3)]
        calls = [one.stream_unary(INFER).future(nothing()) for one in own for _ in range(200)]
        assert answered(server)
        seen = Counter(status(lambda call=call: call.result(WITHIN_S)) for call in calls)
    assert set(seen) <= {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert seen[grpc.StatusCode.RESOURCE_EXHAUSTED] >= 100
    assert max(memory) < MEMORY


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One of HTTP/2."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def header(name: bytes, value: bytes) -> bytes:
    """A field of a head, with neither tables nor compression."""
    return b"".join([b"\0", bytes([len(name)]), name, bytes([len(value)]), value])


HEAD = b"".join(
    header(*one)
    for one in [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", INFER.encode()),
        (b":authority", b"booth"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
    ]
)
NO_WINDOW = frame(4, 0, 0, struct.pack(">HI", 4, 0))


def test_who_reads_no_answer_and_goes_leaves_no_traceback(attacked: tuple[Server, str]) -> None:
    server, target = attacked
    host, _, port = target.partition(":")
    message = asking_for(RED, RED).SerializeToString()
    body = b"\0" + struct.pack(">I", len(message)) + message
    with socket.create_connection((host, int(port)), WITHIN_S) as own:
        own.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + NO_WINDOW)
        for stream in range(1, 40, 2):
            own.sendall(frame(1, 4, stream, HEAD) + frame(0, 1, stream, body))
        counted = 'booth_requests_total{model="lenet5",outcome="ok"}'
        eventually(lambda: samples(server.url).get(counted, 0) >= 20)
    assert answered(server)
    assert "Traceback" not in server.log.read_text(encoding="utf-8")


def test_connections_are_counted(attacked: tuple[Server, str]) -> None:
    server, target = attacked
    host, _, port = target.partition(":")
    folder = Path(f"/proc/{server.process.pid}/fd")
    with contextlib.ExitStack() as stack:
        for _ in range(1200):
            stack.enter_context(socket.create_connection((host, int(port)), WITHIN_S))
        opened = eventually(lambda: len(list(folder.iterdir())), lambda seen: seen > 900)
        assert opened < 1150
        assert answered(server)
    assert resident(server) < MEMORY
    assert "Traceback" not in server.log.read_text(encoding="utf-8")
