"""Photographs a second over gRPC beside those over HTTP: ``python -m benchmarks.protocols``.

One server answers both, in turns that change their order, so that a drift of the machine falls on
both alike. As many threads ask in each, over a connection of their own. What is printed are ratios,
gRPC to HTTP: the median over the rounds, and the smallest and the largest.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from urllib.parse import urlsplit

import grpc

from benchmarks.pair import ratios
from benchmarks.peers.ports import free_ports
from benchmarks.photographs import read_photographs
from benchmarks.preparation import add_options
from benchmarks.systems import BOOTH, Server
from models.shelf import find_model
from service.grpc.messages import INFERENCE_SERVICE, inference
from service.settings import read_settings

__all__ = ["Ask", "over_grpc", "over_http", "rate"]

# Asks with one photograph; given anew to each thread, with a connection that ends with it.
Ask = Callable[[], tuple[AbstractContextManager[object], Callable[[bytes], object]]]


def over_http(url: str) -> Ask:
    """Asks ``POST /classify``, as a client of HTTP/1.1 that keeps its connection."""
    address = urlsplit(url)

    def connected() -> tuple[AbstractContextManager[object], Callable[[bytes], object]]:
        connection = http.client.HTTPConnection(address.hostname or "", address.port)

        def ask(photo: bytes) -> object:
            connection.request("POST", address.path, photo)
            response = connection.getresponse()
            body = response.read()
            if response.status != http.HTTPStatus.OK:
                raise RuntimeError(body.decode())
            return body

        return closing(connection), ask

    return connected


def over_grpc(target: str) -> Ask:
    """Asks ModelInfer for the first five labels, as ``POST /classify`` gives them."""

    def connected() -> tuple[AbstractContextManager[object], Callable[[bytes], object]]:
        channel = grpc.insecure_channel(target, [("grpc.use_local_subchannel_pool", 1)])
        infer = channel.unary_unary(f"/{INFERENCE_SERVICE}/ModelInfer")
        return channel, lambda photo: infer(_message(photo), wait_for_ready=True)

    return connected


def rate(connect: Ask, photos: Sequence[bytes], threads: int, seconds: float) -> float:
    """Photographs a second that so many threads get answered; each of them asks at least once."""
    answered = [0] * threads
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        connection, ask = connect()
        with connection:
            for photo in itertools.islice(itertools.cycle(photos), number, None):
                ask(photo)
                answered[number] += 1
                if time.monotonic() >= end:
                    return

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    start = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(answered) / (time.monotonic() - start)


def _message(photo: bytes) -> bytes:
    request = inference["ModelInferRequest"](
        inputs=[{"name": "image", "datatype": "BYTES", "shape": [1]}],
        raw_input_contents=[len(photo).to_bytes(4, "little") + photo],
    )
    request.parameters["top_k"].int64_param = 5
    message: bytes = request.SerializeToString()
    return message


def main() -> None:
    """Measure and print."""
    options = _parse()
    photos = list(read_photographs(options.photos, options.sample).values())
    (port,) = free_ports(1)
    system = replace(BOOTH, environment={**BOOTH.environment, "BOOTH_GRPC_PORT": str(port)})
    model = find_model(options.model, read_settings().model_dir).resolve()
    print(f"{'':16}{'median':>8}{'least':>8}{'most':>8}{'HTTP/s':>9}")
    with Server.running(system, model, photos[0]) as server:
        asks = {"HTTP": over_http(server.url), "gRPC": over_grpc(f"127.0.0.1:{port}")}
        for threads in options.clients:
            found: dict[str, list[float]] = {name: [] for name in asks}
            for number in range(options.rounds):
                for name in list(asks)[:: 1 if number % 2 == 0 else -1]:
                    rate(asks[name], photos, threads, options.warm_up)
                    found[name].append(rate(asks[name], photos, threads, options.seconds))
            row = "".join(f"{ratio:8.3f}" for ratio in ratios(found["gRPC"], found["HTTP"]))
            print(f"{threads:>3} clients     {row}{sum(found['HTTP']) / options.rounds:9.1f}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.protocols", description=__doc__)
    add_options(parser, seconds=3)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    return parser.parse_args()


if __name__ == "__main__":
    main()
