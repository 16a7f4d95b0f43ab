"""What engineers import in process, without HTTP: public signatures checked by mypy, not run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, assert_type

from onnx import ModelProto

from booth_client.wire import Answer
from export.pipeline import ExportConfig, Exporter, Precision, export_model, write_card
from models.card import Accuracy, Basis, Calibration, Card, Input, Label, Measurement, Parity
from models.errors import ModelError, UserError
from models.labels import BadLabels, label_set, read_labels, sun_attributes
from models.shelf import ModelNotFound, find_model, shelf
from models.sources import SOURCES, Source
from service.engine.classifier import Classifier, Limits
from service.engine.inference import Inference
from service.engine.ticket import Ticket
from service.fleet.fleet import Fleet, LoadedModel
from service.fleet.identity import answers_identity, read_card, read_model_file
from service.fleet.layout import Layouts
from service.runtimes.base import Layout, ModelFile
from service.runtimes.session import Session
from service.settings import BadSettings, Settings, read_settings

PATH = Path("model.onnx")


def classified(decoders: ThreadPoolExecutor) -> None:
    session = Session(read_model_file(PATH), providers=["cpu"], layout=Layout(slots=1, threads=2))
    classifier = Classifier(session, decoders, Limits(queue_size=8, deadline_s=2.5))
    assert_type(classifier.card, Card)
    assert_type(classifier.classify(b"", top_k=3, timeout_s=None), Answer)
    tickets = classifier.submit([b"", b""], top_k=1, timeout_s=1, tag="any")
    assert_type(tickets, list[Ticket])
    assert_type(tickets[0].wait(), Answer)
    assert_type(tickets[0].inference, Inference | None)
    assert_type(tickets[0].cancel(), None)
    assert_type(classifier.not_ready(), str | None)
    assert_type(classifier.accepted, int)
    assert_type(classifier.predicted_wait_s, float)
    assert_type(classifier.close(10), None)


async def classified_on_a_loop(ticket: Ticket) -> None:
    assert_type(await ticket.answer(), Answer)


def identified() -> None:
    file = read_model_file(PATH)
    assert_type(file, ModelFile)
    assert_type(file.card, Card)
    assert_type(file.sha256, str)
    assert_type(read_card(PATH), Card)
    assert_type(answers_identity(file, "cpu"), bytes)


def loaded(settings: Settings) -> None:
    fleet = Fleet(Limits(), Layouts.from_settings(settings))
    assert_type(fleet.load(PATH), LoadedModel)
    assert_type(fleet.get("name", "1"), LoadedModel)
    assert_type(fleet.get().classifier, Classifier)
    assert_type(fleet.loaded(), list[LoadedModel])
    assert_type(fleet.refresh([PATH]), dict[Path, ModelError])
    assert_type(fleet.close(), None)


def configured() -> None:
    settings = read_settings({"BOOTH_PORT": "0"})
    assert_type(settings, Settings)
    assert_type(read_settings(), Settings)
    assert_type(settings.models, tuple[str, ...])
    assert_type(settings.model_dir, Path)
    assert_type(settings.trace_share, float)
    assert_type(settings.log, Literal["text", "json"])


def described(card: Card) -> None:
    assert_type(card.to_json(), str)
    assert_type(card.is_scene_model, bool)
    assert_type(card.input, Input)
    assert_type(card.labels, tuple[Label, ...])
    assert_type(card.labels[0].basis, Basis | None)
    assert_type(card.published, Accuracy | None)
    assert_type(card.measured, tuple[Measurement, ...])
    assert_type(card.calibration, Calibration | None)
    assert_type(card.parity, Parity | None)


def labelled() -> None:
    assert_type(label_set("imagenet"), tuple[Label, ...])
    assert_type(read_labels("labels.txt"), tuple[Label, ...])
    assert_type(sun_attributes(), tuple[str, ...])
    assert_type(find_model("places365", PATH.parent), Path)
    assert_type(shelf(PATH.parent), dict[str, Path])


def exported(config: ExportConfig, precision: Precision) -> None:
    assert_type(export_model(config, PATH, PATH, precision=precision), Card)
    assert_type(ExportConfig.from_source(SOURCES["resnet50"]), ExportConfig)
    assert_type(SOURCES["resnet50"], Source)
    exporter = Exporter.load(config, PATH)
    assert_type(exporter.traced, ModelProto)
    assert_type(exporter.with_temperature(1.5).write(PATH, precision="int8"), Card)
    assert_type(write_card(PATH, exporter.write(PATH)), None)


def refused(error: BadLabels | BadSettings | ModelError | ModelNotFound) -> None:
    of_the_users: UserError = error
    raise of_the_users
