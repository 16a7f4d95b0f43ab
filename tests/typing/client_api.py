"""The client's public signatures: checked by mypy, not run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, assert_type

import booth_client
from booth_client import (
    Accuracy,
    Activations,
    Answer,
    AsyncClient,
    Attribute,
    Bin,
    BoothError,
    Calibration,
    Card,
    Cells,
    Client,
    Environment,
    ExplainedAnswer,
    ExplainedPrediction,
    Features,
    Input,
    Label,
    LabelMap,
    Measurement,
    ModelSummary,
    Occlusion,
    Parity,
    Photo,
    Prediction,
    PredictionWithBasis,
    Region,
    Retry,
    ServiceUnreachable,
    Source,
    Timing,
    Unavailable,
    View,
    Weights,
)
from booth_client.wire import Basis

PHOTOS: list[Photo] = [b"", "photo.jpg", Path("photo.jpg")]
KIND = Literal["indoor", "outdoor"]


def asked() -> None:
    with Client() as booth:
        assert_type(booth, Client)
        assert_type(booth.classify(b""), Answer)
        assert_type(booth.classify("a.jpg", model="a", top_k=3, timeout_ms=2000), Answer)
        assert_type(booth.classify(Path("a.jpg"), model=None, timeout_ms=None), Answer)
        assert_type(booth.classify(b"", explain=["region", "cells"]), Answer)
        assert_type(booth.classify_many(PHOTOS), Iterator[Answer | BoothError | OSError])
        for answer in booth.classify_many(iter([b""]), concurrency=3, model="a", top_k=3):
            assert_type(answer, Answer | BoothError | OSError)
        assert_type(booth.label_map("a.jpg", model="a", step=8, scale=2), LabelMap)
        assert_type(booth.activations(b"", "conv0", units=[3, 5], maps="png"), Activations)
        assert_type(booth.occlusion("a.jpg", "conv0", 3, at=(1, 2), model="a"), Occlusion)
        assert_type(booth.features(PHOTOS, layer="conv0"), list[Features | BoothError])
        assert_type(booth.models(), list[ModelSummary])
        assert_type(booth.card("a"), Card)
        assert_type(booth.labels("a"), list[Label])
        assert_type(booth.sources(), list[Source])
        assert_type(booth.ready(), bool)
        booth.close()
    retry = Retry(attempts=3, total_s=10, first_s=0.5, longest_s=2)
    Client(booth_client.DEFAULT_URL, api_key="secret", timeout_s=2.5, retry=retry)


async def asked_on_a_loop() -> None:
    async with AsyncClient("http://booth.test", api_key=None, timeout_s=2) as booth:
        assert_type(booth, AsyncClient)
        assert_type(await booth.classify(b"", model="a", top_k=3, timeout_ms=2000), Answer)
        async for answer in booth.classify_many(PHOTOS, concurrency=3):
            assert_type(answer, Answer | BoothError | OSError)
        assert_type(await booth.label_map(b"", timeout_ms=2000), LabelMap)
        assert_type(await booth.activations(b"", ["a", "b"], units="all"), Activations)
        assert_type(await booth.occlusion(b"", "conv0", 3), Occlusion)
        assert_type(await booth.features((b"", b""), model="a"), list[Features | BoothError])
        assert_type(await booth.models(), list[ModelSummary])
        assert_type(await booth.card("a"), Card)
        assert_type(await booth.labels("a"), list[Label])
        assert_type(await booth.sources(), list[Source])
        assert_type(await booth.ready(), bool)
        await booth.close()


def answered(answer: Answer) -> None:
    assert_type(answer.model, str)
    assert_type(answer.version, str)
    assert_type(answer.predictions, list[ExplainedPrediction | PredictionWithBasis | Prediction])
    assert_type(answer.environment, Environment | None)
    assert_type(answer.timing_ms, Timing)
    prediction = answer.predictions[0]
    assert_type(prediction.label, str)
    assert_type(prediction.category, str)
    assert_type(prediction.index, int)
    assert_type(prediction.confidence, float)
    assert_type(prediction.basis, Basis | None)
    assert_type(prediction.region, Region | None)
    assert_type(answer.view, View | None)
    assert_type(answer.cells, Cells | None)
    assert_type(answer.attributes, list[Attribute] | None)
    if isinstance(answer, ExplainedAnswer):
        assert_type(answer.view, View)


def described(summary: ModelSummary, card: Card) -> None:
    assert_type(summary.name, str)
    assert_type(summary.labels, int)
    assert_type(summary.default, bool)
    assert_type(card.is_scene_model, bool)
    assert_type(card.input, Input)
    assert_type(card.labels, tuple[Label, ...])
    assert_type(card.labels[0].kind, KIND | None)
    assert_type(card.weights, Weights)
    assert_type(card.published, Accuracy | None)
    assert_type(card.measured, tuple[Measurement, ...])
    assert_type(card.calibration, Calibration | None)
    assert_type(card.parity, Parity | None)


def calibrated(calibration: Calibration) -> None:
    assert_type(calibration.temperature, float)
    assert_type(calibration.bins_after, tuple[Bin, ...])
    assert_type(calibration.bins_after[0].right, float | None)


def made(environment: Environment) -> None:
    assert_type(Prediction("Harbor", "harbor", 1, 0.5).basis, Basis | None)
    assert_type(PredictionWithBasis("Harbor", "harbor", 1, 0.5, "labelled").basis, Basis)
    assert_type(environment.kind, KIND)
    assert_type(Timing(1, 2, 3, 6).total, float)


def refused(error: BoothError) -> None:
    assert_type(error.detail, str)
    assert_type(error.retry_after_s, int | None)
    assert_type(error.status, int)
    assert_type(error.kind, str)
    assert_type(error.title, str)
    unavailable: Unavailable = ServiceUnreachable("nobody there", retry_after_s=None)
    lost: ConnectionError = ServiceUnreachable("nobody there")
    raise unavailable from lost
