"""Models and services for the tests of the service."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.card import METADATA_KEY, Card, Input, Label, Weights
from service.fleet.identity import read_model_file
from service.runtimes.base import Photos
from service.runtimes.session import Session
from tests.servers import Inside, Serve, ServeInside, serving_inside
from tests.service.broken import break_model

SIDE = 8


def tiny_card(name: str = "tiny", version: str = "1") -> Card:
    return Card(
        name=name,
        title="Which colour prevails",
        version=version,
        architecture="mean",
        parameters=1,
        multiply_adds=1,
        precision="fp32",
        input=Input(size=SIDE, resize=SIDE, keep_aspect=False),
        labels=tuple(
            Label(name=colour.capitalize(), category=colour) for colour in ("red", "green", "blue")
        ),
        weights=Weights(origin="arithmetic", sha256="0" * 64, licence="Apache-2.0"),
    )


def write_tiny(path: Path, card: Card | None = None, outputs: int = 3) -> Path:
    """A model file whose three probabilities follow the mean red, green and blue."""
    nodes = [
        helper.make_node("Cast", ["photo"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "height_and_width"], ["means"], keepdims=0),
        helper.make_node("Mul", ["means", "scale"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("photo", TensorProto.UINT8, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", outputs])],
        [
            numpy_helper.from_array(np.array([1, 2]), "height_and_width"),
            numpy_helper.from_array(np.array(0.05, np.float32), "scale"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    if card:
        entry = model.metadata_props.add()
        entry.key, entry.value = METADATA_KEY, card.to_json()
    onnx.save(model, path)
    return path


MakeTiny = Callable[..., Path]


@pytest.fixture
def make_tiny(tmp_path: Path) -> MakeTiny:
    """Writes a model file: ``make_tiny("name", version="2", outputs=4, card=True)``."""

    def make(
        name: str = "tiny", *, version: str = "1", outputs: int = 3, card: bool = True
    ) -> Path:
        path = tmp_path / f"{name}.onnx"
        return write_tiny(path, tiny_card(name, version) if card else None, outputs)

    return make


def own_threads() -> set[threading.Thread]:
    """Booth's threads that run now, by their names: a test runner has some of its own."""
    return {one for one in threading.enumerate() if one.name.startswith("booth-")}


MakeBroken = Callable[..., Path]


@pytest.fixture
def make_broken(make_tiny: MakeTiny) -> MakeBroken:
    """Writes a model file that can't run: ``make_broken("never runs", "name", version="2")``."""
    return lambda how, *name, **more: break_model(make_tiny(*name, **more), how)


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny network as a scene model: blue is outdoors too, and says not what it is based on."""
    labels = [
        {"name": one.name, "category": one.category, "kind": kind, "basis": basis}
        for one, (kind, basis) in zip(
            tiny_card().labels,
            [("indoor", "labelled"), ("outdoor", "distilled"), ("outdoor", None)],
            strict=True,
        )
    ]
    card = Card.model_validate({**tiny_card("scenes").model_dump(), "labels": labels})
    return write_tiny(tmp_path_factory.mktemp("models") / "scenes.onnx", card)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file that loads in a millisecond."""
    return write_tiny(tmp_path_factory.mktemp("models") / "tiny.onnx", tiny_card())


class GatedSession(Session):
    """The tiny network, but it runs only while its gate is open, and keeps what it was given."""

    leaves_cores_free = False

    def __init__(self, path: Path) -> None:
        super().__init__(read_model_file(path))
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.seen: list[NDArray[np.uint8]] = []

    def run(self, photos: Photos) -> NDArray[np.float32]:
        if not self.gate.is_set():
            self.entered.set()
            assert self.gate.wait(10)
        self.seen.extend(photo for photo in photos if photo.any())  # the black ones only measure
        return super().run(photos)

    run_alone = run

    def warm_up(self, batch_sizes: object, *, wait: bool = True) -> None:
        del batch_sizes, wait


@pytest.fixture
def gated(tiny: Path) -> Iterator[GatedSession]:
    session = GatedSession(tiny)
    yield session
    session.gate.set()


@pytest.fixture
def decoders() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture(scope="session")
def tiny_server(serve: Serve, tiny: Path) -> Iterator[str]:
    """The address of a server with the tiny model and tight limits."""
    limits = {"max_body_bytes": 300_000, "max_pixels": 1_000_000, "max_photos": 4}
    with serve(models=tiny, body_timeout_ms=300, **limits) as running:
        yield running.url


@pytest.fixture
def serve_inside(tiny: Path) -> ServeInside:
    """Starts a service with the tiny model in this process: ``with serve_inside(slots=2)``."""
    return lambda **settings: serving_inside(models=tiny, **settings)


@pytest.fixture
def inside(serve_inside: ServeInside) -> Iterator[Inside]:
    with serve_inside() as running:
        yield running
