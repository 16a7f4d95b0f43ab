"""The application: the API's fronts over a fleet of models, from start to end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from models.errors import ModelError
from models.shelf import ModelNotFound, find_model, shelf
from service.api import classify, health, models
from service.engine.classifier import Limits
from service.fleet.fleet import Fleet
from service.fleet.layout import Layouts
from service.run.page import PageMount
from service.settings import BadSettings, Settings
from service.telemetry.metrics import Metrics
from service.web import problems
from service.web.access_control import AccessControl
from service.web.middleware import RequestMiddleware
from service.web.state import ServiceState

if TYPE_CHECKING:
    from service.telemetry.tracing import Traces

__all__ = ["create_app", "create_state", "wanted_files"]

log = logging.getLogger(__name__)


def create_state(settings: Settings) -> ServiceState:
    """The parts of a service, with no model loaded yet.

    Raises:
        BadSettings: traces are wanted, but OpenTelemetry is not installed.
        ModelError: a wanted execution provider is unknown or not installed.

    """
    layouts = Layouts.from_settings(settings)
    metrics = Metrics(layouts.largest_batch_size())
    fleet = Fleet(limits_of(settings), layouts, observe=metrics.observer)
    state = ServiceState(settings, fleet, metrics, _traces(settings))
    metrics.watch(fleet, ready=lambda: state.not_ready() is None)
    return state


def _traces(settings: Settings) -> Traces | None:
    if not settings.otlp_endpoint:
        return None
    try:
        from service.telemetry.tracing import Traces
    except ModuleNotFoundError:
        raise BadSettings(
            "BOOTH_OTLP_ENDPOINT is set, but OpenTelemetry is not installed; "
            "do `pip install 'booth[tracing]'`, or unset it."
        ) from None
    return Traces(settings.otlp_endpoint, settings.trace_share)


def limits_of(settings: Settings) -> Limits:
    """What each model takes on."""
    return Limits(
        queue_size=settings.queue_size,
        max_pixels=settings.max_pixels,
        deadline_s=settings.deadline_ms / 1000,
        stall_s=settings.stall_ms / 1000,
    )


def create_app(state: ServiceState) -> ASGIApp:
    """The application; its lifespan loads the models and ends them."""
    page = PageMount()

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # Loading goes on beside serving, so that /livez answers from the first moment.
        starting = asyncio.create_task(_start(state, page))
        yield
        starting.cancel()
        await page.close()
        ending = [asyncio.to_thread(state.fleet.close)]
        if state.traces:
            ending.append(asyncio.to_thread(state.traces.close))
        await asyncio.gather(*ending)

    app = FastAPIOffline(
        redoc_url=None,
        title="Booth",
        version=version("booth"),
        summary="A photograph in, labels with confidences out.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
    )
    gate = AccessControl(state.settings)
    front = classify.ClassifyFront(state, gate)
    app.include_router(classify.router(front))
    app.include_router(models.router(state, gate))
    app.include_router(health.router(state))
    problems.install(app)
    app.router.default = page
    return RequestMiddleware(classify.FastPath(app, front), state)


async def _start(state: ServiceState, page: PageMount) -> None:
    try:
        await asyncio.to_thread(load_models, state)
    except (ModelError, ModelNotFound) as error:
        state.fatal = str(error)
        return
    _freeze_garbage()
    state.started = True
    log.info("ready: %s", ", ".join(one.card.name for one in state.fleet.loaded()))
    settings = state.settings
    if settings.demo and not settings.api_keys:
        await page.open(f"http://{_reachable(settings.host)}:{state.port}")


def _freeze_garbage() -> None:
    """Leave what was loaded out of the garbage collector's rounds, and make these rarer.

    A request leaves no cycles behind, but enough objects to set off a round every other request.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def load_models(state: ServiceState) -> None:
    """Load what the settings ask for and is not loaded yet; unload the rest. Blocks.

    Raises:
        ModelError, ModelNotFound: a file is missing or can't be used.

    """
    state.metrics.models_complete.set(0)
    state.fleet.refresh(wanted_files(state.settings))
    state.metrics.models_complete.set(1)


def wanted_files(settings: Settings) -> list[Path]:
    """The files of the models that the settings ask for, the default one first."""
    names = [
        name
        for wanted in settings.models
        for name in (shelf(settings.model_dir) if wanted == "*" else [wanted])
    ]
    return list(dict.fromkeys(find_model(name, settings.model_dir) for name in names))


def _reachable(host: str) -> str:
    """The address under which this very process reaches itself."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 (compared, not bound)
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
