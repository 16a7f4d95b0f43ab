"""The application: the API's fronts over a fleet of models, from start to end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.types import ASGIApp

from service.api import classify, docs, health, label_map, models
from service.api.answering import Answering
from service.engine.classifier import Limits
from service.engine.map_queue import MapQueue
from service.fleet.fleet import Fleet
from service.fleet.layout import Layouts
from service.memory import MemoryBudget
from service.photo.formats import FORMATS
from service.run.page import PageMount
from service.run.proxies import behind_proxies
from service.run.startup import beside, decoding_bytes, keep_small, memory_of, start
from service.settings import BadSettings, Settings
from service.telemetry.metrics import Metrics
from service.web import problems
from service.web.access_control import AccessControl
from service.web.cors import Cors
from service.web.head import HeadAsGet
from service.web.middleware import RequestMiddleware
from service.web.state import ServiceState

if TYPE_CHECKING:
    from service.telemetry.tracing import Traces

__all__ = ["CLOSING_S", "create_app", "create_state"]

CLOSING_S = 1  # of the grace period, to end the models when all is answered


def create_state(settings: Settings) -> ServiceState:
    """The parts of a service, with no model loaded yet.

    Raises:
        BadSettings: traces are wanted, but OpenTelemetry is not installed; or the file of keys
            won't do.
        ModelError: a wanted execution provider is unknown or not installed.

    """
    layouts = Layouts.from_settings(settings)
    metrics = Metrics(layouts.largest_batch_size())
    fleet = Fleet(
        limits_of(settings),
        layouts,
        observe=metrics.observer,
        decoding_bytes=decoding_bytes(settings),
    )
    memory = MemoryBudget(memory_of(settings))
    maps = MapQueue(memory, settings.max_pixels, _decodable(settings))
    state = ServiceState(settings, fleet, metrics, memory, maps, _traces(settings))
    metrics.watch(fleet, memory, ready=lambda: state.not_ready() is None)
    return state


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


async def _close_in_time(part: Fleet | MapQueue) -> None:
    """End a part; a model that is being compiled, which may take a minute, is left behind."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(beside(lambda: part.close(CLOSING_S)), CLOSING_S)


def create_app(state: ServiceState) -> ASGIApp:
    """The application; its lifespan loads the models and ends them."""
    page = PageMount(state.settings)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # Loading goes on beside serving, so that /livez answers from the first moment.
        tasks = [asyncio.create_task(start(state, page)), asyncio.create_task(keep_small(state))]
        yield
        for task in tasks:
            task.cancel()
        await page.close()
        ending = [_close_in_time(state.fleet), _close_in_time(state.maps)]
        if state.traces:
            ending.append(asyncio.to_thread(state.traces.close))
        await asyncio.gather(*ending)

    app = FastAPI(
        openapi_url=None,  # and no docs_url: both stand in `service.api.docs`
        docs_url=None,
        redirect_slashes=False,  # its redirects lead wherever the header `Host` says
        redoc_url=None,
        title="Booth",
        version=version("booth"),
        summary="A photograph in, labels with confidences out.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
    )
    answering = Answering(state)
    front = classify.ClassifyFront(answering)
    app.include_router(classify.router(front))
    app.include_router(label_map.router(state, answering))
    app.include_router(models.router(state))
    app.include_router(health.router(state))
    app.include_router(docs.router())
    problems.install(app)
    app.router.default = page
    inner = classify.FastPath(HeadAsGet(app), front)
    counted = classify.asks_for_labels, label_map.asks_for_label_map
    whole = AccessControl(inner, state.api_keys, state.settings.rate_limit_per_minute)
    outer: ASGIApp = RequestMiddleware(whole, state, *counted)
    if state.settings.cors_origins:
        outer = Cors(outer, state.settings.cors_origins)
    return behind_proxies(outer, state.settings)
