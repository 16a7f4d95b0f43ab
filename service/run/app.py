"""The application: the API's fronts over a fleet of models, from start to end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from models.home import cache_folder
from service.api import (
    activations,
    classify,
    docs,
    features,
    health,
    hugging_face,
    label_map,
    layers,
    management,
    models,
    occlusion,
    oip,
    rollout,
    sagemaker,
    tensorflow_serving,
    vertex,
)
from service.api.answering import Answering
from service.api.inspecting import Inspecting, asks_to_inspect
from service.api.labelling import Labelling
from service.engine.classifier import Limits
from service.fleet.fleet import Fleet
from service.fleet.layout import Layouts
from service.fleet.model_limits import LimitsByModel
from service.fleet.repository import Repository
from service.fleet.rollout import Rollout
from service.fleet.shadows import MOST_IN_FLIGHT, Shadows
from service.fleet.store import store_of
from service.inspection.queue import InspectionQueue
from service.memory import MemoryBudget
from service.photo.formats import FORMATS
from service.run.managing import Management
from service.run.page import PageMount
from service.run.proxies import behind_proxies
from service.run.startup import beside, decoding_bytes, keep_small, memory_of, start, watch
from service.settings import BadSettings, Settings
from service.telemetry.metrics import Metrics
from service.web import problems
from service.web.access_control import AccessControl
from service.web.cors import Cors
from service.web.fast_path import FastPath
from service.web.head import HeadAsGet
from service.web.middleware import RequestMiddleware
from service.web.ranges import WholeFiles
from service.web.recorder import Recorder
from service.web.routes import Routes
from service.web.state import ServiceState

if TYPE_CHECKING:
    from service.telemetry.tracing import Traces

__all__ = ["CLOSING_S", "answering_s", "create_app", "create_state"]

CLOSING_S = 1  # of the grace period, to end the models when all is answered


def create_state(settings: Settings) -> ServiceState:
    """The parts of a service, with no model loaded yet.

    Raises:
        BadSettings: traces or gRPC are wanted, but not installed; or the file of keys, a rollout
            or a model's limits won't do.
        ModelError: a wanted execution provider is unknown or not installed.

    """
    _check_grpc(settings)
    layouts = Layouts.from_settings(settings)
    own = LimitsByModel.from_settings(settings)
    metrics = Metrics(max(layouts.largest_batch_size(), own.largest("max_batch_size")))
    fleet = Fleet(
        limits_of(settings),
        layouts,
        own,
        observe=metrics.observer,
        decoding_bytes=decoding_bytes(settings),
    )
    memory = MemoryBudget(memory_of(settings))
    inspections = InspectionQueue(memory, settings.max_pixels, _decodable(settings))
    rollouts = Rollout.from_settings(settings)
    shadow_queue = InspectionQueue(
        memory, settings.max_pixels, _decodable(settings), size=MOST_IN_FLIGHT
    )
    shadows = Shadows(fleet, shadow_queue, memory, metrics.rollout)
    metrics.rollout.watch(fleet, rollouts)
    state = ServiceState(
        settings, fleet, metrics, memory, inspections, rollouts, shadows, _traces(settings)
    )
    metrics.watch(fleet, memory, ready=lambda: state.not_ready() is None)
    if settings.repository:
        state.repository = repository_of(settings, rollouts)
        metrics.watch_repository(state.repository)
    return state


def repository_of(settings: Settings, rollout: Rollout) -> Repository:
    """The repository that is set.

    Raises:
        StoreError: nothing that is installed opens its URL.

    """
    store = store_of(settings.repository, cache_folder())
    # Read, prepared and warm, a model takes some times its file.
    return Repository(store, rollout.replace, memory_of(settings) // 3)


def _check_grpc(settings: Settings) -> None:
    if settings.grpc_port and not (find_spec("grpc") and find_spec("google.protobuf")):
        raise BadSettings(
            "BOOTH_GRPC_PORT is set, but gRPC is not installed; install Booth with its extra "
            "`grpc` (`pip install '.[grpc]'` in its folder), or unset it."
        )


def answering_s(settings: Settings) -> int:
    """Seconds of the grace period for answering what was accepted, once nothing new is."""
    return max(1, (settings.grace_ms - settings.drain_ms) // 1000 - CLOSING_S)


def _traces(settings: Settings) -> Traces | None:
    if not settings.otlp_endpoint:
        return None
    try:
        from service.telemetry.tracing import Traces
    except ModuleNotFoundError:
        raise BadSettings(
            "BOOTH_OTLP_ENDPOINT is set, but OpenTelemetry is not installed; "
            "install Booth with its extra `tracing` (`pip install '.[tracing]'` in its folder), "
            "or unset it."
        ) from None
    return Traces(settings.otlp_endpoint, settings.trace_share)


def limits_of(settings: Settings) -> Limits:
    """What each model takes on."""
    return Limits(
        queue_size=settings.queue_size,
        max_pixels=settings.max_pixels,
        formats=_decodable(settings),
        deadline_s=settings.deadline_ms / 1000,
        stall_s=settings.stall_ms / 1000,
    )


def _decodable(settings: Settings) -> tuple[str, ...]:
    """The formats that are wanted and can be decoded.

    Raises:
        BadSettings: one was asked for by name whose library is missing.

    """
    missing = [name for name in settings.formats if name.upper() not in FORMATS]
    if missing and "formats" in settings.model_fields_set:
        raise BadSettings(
            f"BOOTH_FORMATS names {missing[0]}, which nothing that is installed decodes; install "
            "Booth with its extra `heic` (`pip install '.[heic]'` in its folder) for HEIC, or a "
            "build of Pillow with AVIF, or leave it out."
        )
    return tuple(name.upper() for name in settings.formats if name not in missing)


async def _close_in_time(part: Fleet | InspectionQueue | Shadows) -> None:
    """End a part; a model that is being compiled, which may take a minute, is left behind."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(beside(lambda: part.close(CLOSING_S)), CLOSING_S)


@contextlib.asynccontextmanager
async def _grpc(
    state: ServiceState, answering: Answering, recorder: Recorder, access: AccessControl
) -> AsyncIterator[None]:
    """Serve gRPC, where it is wanted; from ``state.closing`` on answer what was accepted."""
    if not state.settings.grpc_port:
        yield
        return
    from service.grpc.calls import Calls
    from service.grpc.guard import guard
    from service.grpc.server import GrpcServer

    calls = Calls(recorder, access, behind_proxies(_nobody, state.settings))
    server = GrpcServer(state, answering, calls)
    await server.start()

    async def stop() -> None:
        await state.closing.wait()
        await server.stop(answering_s(state.settings))

    guarding = asyncio.create_task(guard(memory_of(state.settings), server.renew))
    stopping = asyncio.create_task(stop())
    yield
    state.closing.set()
    guarding.cancel()
    await stopping


async def _nobody(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Answer nothing: of what is around it, only the scope is wanted."""


def create_app(state: ServiceState) -> ASGIApp:
    """The application; its lifespan loads the models and ends them."""
    page = PageMount(state.settings)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # Loading goes on beside serving, so that /livez answers from the first moment.
        tasks = [asyncio.create_task(start(state, page)), asyncio.create_task(keep_small(state))]
        if state.repository:
            tasks.append(asyncio.create_task(watch(state, state.repository)))
        async with _grpc(state, answering, middleware.recorder, access):
            yield
        for task in tasks:
            task.cancel()
        await page.close()
        ending = [_close_in_time(one) for one in (state.fleet, state.inspections, state.shadows)]
        if state.traces:
            ending.append(asyncio.to_thread(state.traces.close))
        await asyncio.gather(*ending)

    app = FastAPI(
        openapi_url=None,  # and no docs_url: both stand in `service.api.docs`
        docs_url=None,
        redirect_slashes=False,  # its redirects lead wherever the header `Host` says
        redoc_url=None,
        lifespan=lifespan,
    )
    answering = Answering(state)
    front = classify.ClassifyFront(answering)
    inference = oip.OpenInferenceFront(state, answering)
    inspecting = Inspecting(state, answering)
    labelling = Labelling(answering)
    fronts = [
        classify.router(front),
        *(one.router(inspecting) for one in (label_map, activations, occlusion, features)),
        models.router(state),
        layers.router(state),
        oip.router(inference),
        rollout.router(state),
        management.router(state, Management(state)),
        health.router(state),
        hugging_face.router(labelling),
        *(one.router(state, labelling) for one in (tensorflow_serving, sagemaker, vertex)),
    ]
    for routes in (*fronts, docs.router(state, fronts)):
        app.include_router(routes)
    problems.install(app)
    app.router.default = page
    inner = FastPath(HeadAsGet(WholeFiles(app)), oip.asks_for_labels, inference.infer)
    inner = FastPath(inner, classify.asks_for_labels, front.classify)
    settings = state.settings
    limit, health_route = settings.rate_limit_per_minute, settings.health_route
    access = AccessControl(inner, state.api_keys, limit, health_route)
    counted = _asks_for_labels(settings), asks_to_inspect
    middleware = RequestMiddleware(access, state, *counted, Routes(app.routes))
    outer: ASGIApp = middleware
    if state.settings.cors_origins:
        outer = Cors(outer, state.settings.cors_origins)
    return behind_proxies(outer, state.settings)


def _asks_for_labels(settings: Settings) -> Callable[[Scope], bool]:
    """What tells whether a request asks for labels, whichever front it is for."""
    others = (
        hugging_face.asks_for_labels,
        tensorflow_serving.asks_for_labels,
        sagemaker.asks_for_labels,
        vertex.labels_asked_of(settings),
        oip.asks_for_labels,
    )

    def asks_for_labels(scope: Scope) -> bool:
        return classify.asks_for_labels(scope) or any(one(scope) for one in others)

    return asks_for_labels
