"""What the API's fronts share: settings, models, metrics, and how far the service is."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from booth_client.errors import NotReady, Starting
from service.fleet.fleet import Fleet, LoadedModel
from service.fleet.repository import Repository
from service.fleet.rollout import Rollout
from service.fleet.shadows import Shadows
from service.inspection.queue import InspectionQueue
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

    ``memory`` is what all its requests may hold together; ``inspections`` looks into networks;
    ``rollout`` says which version of a model answers, and ``shadows`` shows photographs to others;
    ``repository`` has further model files, if there is one;
    ``traces`` if there is somebody to send them to; ``api_keys`` are those that are valid now;
    ``started`` once all models are loaded and warm; ``draining`` from SIGTERM on; ``closing`` is
    set once nothing new is accepted; ``fatal`` says why it can't go on; ``loading`` is held while
    models are loaded; ``reload_waits`` while another load of them has been asked for and not yet
    begun.
    """

    settings: Settings
    fleet: Fleet
    metrics: Metrics
    memory: MemoryBudget
    inspections: InspectionQueue
    rollout: Rollout
    shadows: Shadows
    traces: Traces | None = field(default=None)
    repository: Repository | None = field(default=None)
    api_keys: ApiKeys = field(init=False)
    started: bool = field(default=False)
    draining: bool = field(default=False)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    fatal: str | None = field(default=None)
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

    def check_ready(self) -> None:
        """Look whether traffic is welcome.

        Raises:
            NotReady: it had better go elsewhere.

        """
        reason = self.not_ready()
        if reason:
            raise NotReady(reason, retry_after_s=1)

    def model(self, name: str | None = None, version: str | None = None) -> LoadedModel:
        """A model; of several versions the newest, or where it has a rollout the main one.

        Raises:
            Starting: not yet.
            UnknownModel, UnknownVersion: it isn't loaded.

        """
        model = self.newest(name, version)
        return model if version else self.main(model)

    def newest(self, name: str | None = None, version: str | None = None) -> LoadedModel:
        """A model; of several versions the newest, whatever its rollout says.

        Raises:
            Starting: not yet.
            UnknownModel, UnknownVersion: it isn't loaded.

        """
        self.check_started()
        return self.fleet.get(name, version)

    def check_started(self) -> None:
        """Refuse what needs the models, as long as they are being loaded.

        Raises:
            Starting: they are.

        """
        if not self.started:
            raise Starting("The models are still being loaded; try again soon.", retry_after_s=1)

    def main(self, model: LoadedModel) -> LoadedModel:
        """The version of a model that most requests get; the same where it has no rollout."""
        plan = self.rollout.plans.get(model.card.name)
        versions = self.fleet.versions(model.card.name) if plan else {}
        return versions[plan.main([*versions])] if plan and versions else model
