"""The memory of the whole process, where gRPC's library holds more than it should."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator

import grpc
import pytest
from grpc.aio import Server

from service.grpc import guard as under_test
from service.grpc.server import GrpcServer
from tests.service.asking import RED
from tests.service.grpc.calling import refused
from tests.service.grpc.conftest import Speak
from tests.waiting import eventually

MOST = 1_000_000_000


def ends(monkeypatch: pytest.MonkeyPatch, megabytes: list[int]) -> int:
    """How often connections end while the process holds these, one after the other."""
    ended = 0

    async def end() -> None:
        nonlocal ended
        ended += 1

    held = itertools.chain(megabytes, itertools.repeat(0))
    looked = iter(range(len(megabytes)))

    def resident() -> int:
        if next(looked, None) is None:
            raise asyncio.CancelledError
        return next(held) * 1_000_000

    monkeypatch.setattr(under_test, "resident_bytes", resident)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(under_test.guard(MOST, end, every_s=0))
    return ended


@pytest.mark.parametrize(
    ("megabytes", "times"),
    [
        ([900, 1000, 999], 0),
        ([900, 1001, 300, 400], 1),  # the third is what is left
        ([1001, 300, 1001, 300], 2),
        ([1200, 1100, 1150, 1190], 1),  # it was not gRPC's
        ([1200, 1100, 1250, 400], 2),  # but this is
        ([1200, 1100, 900, 1050, 400], 2),
    ],
)
def test_connections_end_where_it_helps(
    monkeypatch: pytest.MonkeyPatch, megabytes: list[int], times: int
) -> None:
    assert ends(monkeypatch, megabytes) == times


class FirstTimes:
    """Tells of each whether it is asked for it the first time."""

    def __init__(self) -> None:
        self._seen: list[object] = []

    def __call__(self, one: object) -> bool:
        is_first = one not in self._seen
        self._seen += [one] * is_first
        return is_first


def test_new_connections_are_taken_at_once(
    speak: Speak, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with speak() as (inside, client):
        client.infer(RED)
        infer = client.channel.stream_unary("/inference.GRPCInferenceService/ModelInfer")
        over = threading.Event()

        def nothing() -> Iterator[bytes]:
            over.wait(10)
            yield from ()

        call = infer.future(nothing())
        eventually(lambda: inside.state.memory.held)  # else the client sends it again by itself
        # A server of other tests may run in this process, and its guard looks as well.
        at_first = FirstTimes()
        listening = GrpcServer._listening

        async def at_second(server: GrpcServer) -> Server:
            if at_first(server):
                raise RuntimeError("the port is not free yet")
            return await listening(server)

        monkeypatch.setattr(GrpcServer, "_listening", at_second)
        a_guard = threading.get_ident
        monkeypatch.setattr(
            under_test, "resident_bytes", lambda: 2**60 if at_first(a_guard()) else 0
        )
        refused(grpc.StatusCode.UNAVAILABLE, lambda: call.result(10))
        over.set()
        client.infer(RED)
        assert inside.state.memory.held == 0
    assert "all connections of gRPC end" in caplog.text
    assert "Traceback" not in caplog.text
