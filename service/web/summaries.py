"""What is told of the models that are loaded."""

from __future__ import annotations

from booth_client.wire import ModelSummary
from models import sources
from service.fleet.fleet import LoadedModel
from service.web.state import ServiceState

__all__ = ["summaries"]


def summaries(state: ServiceState) -> list[ModelSummary]:
    """All loaded models; the default one is the main one of the first one's versions.

    Raises:
        Starting: not yet.

    """
    state.check_started()
    loaded = state.fleet.loaded()
    default = state.model() if loaded else None
    return [_summary(one, default=one is default) for one in loaded]


def _summary(loaded: LoadedModel, *, default: bool) -> ModelSummary:
    card = loaded.card
    return ModelSummary(
        name=card.name,
        title=card.title,
        version=card.version,
        precision=card.precision,
        provider=loaded.classifier.session.provider,
        labels=len(card.labels),
        scene=card.is_scene_model,
        default=default,
        content=card.input.content,
        year=sources.YEARS.get(card.architecture),
    )
