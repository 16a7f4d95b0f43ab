"""What the API's fronts share: settings, models, metrics, and how far the service is."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from booth_client.errors import Starting
from service.engine.map_queue import MapQueue
from service.fleet.fleet import Fleet, LoadedModel
from service.memory import MemoryBudget
from service.settings import Settings
from service.telemetry.metrics import Metrics
from service.web.api_keys import ApiKeys

if TYPE_CHECKING:
    from service.telemetry.tracing import Traces

__all__ = ["CAN_NOT_START", "ServiceState"]

# What anybody may read; the log has the whole sentence, with the file's place.
CAN_NOT_START = "The models can't be loaded; the log says why."


@dataclass(slots=True)
class ServiceState:
    """One running service.

    ``memory`` is what all its requests may hold together; ``maps`` makes label maps; ``traces`` if
    there is somebody to send them to; ``api_keys`` are those that are valid now; ``started`` once
    all models are loaded and warm; ``draining`` from SIGTERM on; ``fatal`` says why it can't go on;
    ``port`` is the one it listens on; ``loading`` is held while models are loaded; ``reload_waits``
    while another load of them has been asked for and not yet begun.
    """

    settings: Settings
    fleet: Fleet
    metrics: Metrics
    memory: MemoryBudget
    maps: MapQueue
    traces: Traces | None = field(default=None)
    api_keys: ApiKeys = field(init=False)
    started: bool = field(default=False)
    draining: bool = field(default=False)
    fatal: str | None = field(default=None)
    port: int = field(default=0)
    loading: threading.Lock = field(default_factory=threading.Lock)
    reload_waits: bool = field(default=False)

    def __post_init__(self) -> None:
        """Read the keys.

        Raises:
            BadSettings: their file won't do.

        """
        self.api_keys = ApiKeys(self.settings)

    def not_ready(self) -> str | None:
        """Why traffic should go elsewhere, in a sentence; None when ready."""
        if self.fatal:
            return CAN_NOT_START
        if self.draining:
            return "The service is shutting down."
        if not self.started:
            return "The models are still being loaded."
        return self.fleet.not_ready()

    def model(self, name: str | None = None, version: str | None = None) -> LoadedModel:
        """The model to use.

        Raises:
            Starting: not yet.
            UnknownModel, UnknownVersion: it isn't loaded.

        """
        if not self.started:
            raise Starting("The models are still being loaded; try again soon.", retry_after_s=1)
        return self.fleet.get(name, version)
