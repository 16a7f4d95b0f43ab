"""Limits of one model, or of one of its versions, in place of those that are set for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from models.card import Card
from service.engine.classifier import Limits
from service.fleet.json_object import (
    BadObject,
    check_model,
    check_version,
    entries,
    read_object,
    shown,
)
from service.fleet.layout import BY_HAND, Layouts
from service.settings import BadSettings, Settings

__all__ = ["NAMES", "LimitsByModel", "ModelLimits"]

# Settings that may be another one for each model.
NAMES = ("queue_size", "deadline_ms", "stall_ms", "max_batch_size", "slots", "threads")

_EXAMPLE_LIMITS = '{"queue_size": 64, "deadline_ms": 2000}'
_EXAMPLE = f'{{"places365": {_EXAMPLE_LIMITS}, "places365:2": {{"slots": 1}}}}'


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """The limits of one model: ``given`` are those, by ``NAMES``, that are not as for all."""

    given: Mapping[str, int] = field(default_factory=dict)

    def limits(self, common: Limits) -> Limits:
        """What it takes on."""
        given = self.given
        return replace(
            common,
            queue_size=given.get("queue_size", common.queue_size),
            deadline_s=given["deadline_ms"] / 1000 if "deadline_ms" in given else common.deadline_s,
            stall_s=given["stall_ms"] / 1000 if "stall_ms" in given else common.stall_s,
        )

    def layouts(self, common: Layouts) -> Layouts:
        """How it is laid out; as for all models, what is set by hand wins over a tuning."""
        by_hand = {name: value for name, value in self.given.items() if name in BY_HAND}
        if not by_hand:
            return common
        return replace(
            common,
            slots=by_hand.get("slots", common.slots),
            threads=by_hand.get("threads", common.threads),
            max_batch_size=by_hand.get("max_batch_size", common.max_batch_size),
            tunings=None,
        )


class LimitsByModel:
    """The limits of all models that have some of their own.

    Args:
        given: of each ``name`` or ``name:version``. A version has those of its name as well.

    """

    def __init__(self, given: Mapping[str, Mapping[str, int]] | None = None) -> None:
        self._given = dict(given or {})

    @classmethod
    def from_settings(cls, settings: Settings) -> LimitsByModel:
        """As set.

        Raises:
            BadSettings: it won't do.

        """
        if not settings.model_limits.strip():
            return cls()
        try:
            found = read_object(settings.model_limits, _EXAMPLE)
            return cls({key: _limits(key, limits) for key, limits in found.items()})
        except BadObject as error:
            raise BadSettings(f"BOOTH_MODEL_LIMITS won't do: {error}") from None

    def of(self, card: Card) -> ModelLimits:
        """Those of a model."""
        of_name = self._given.get(card.name, {})
        return ModelLimits({**of_name, **self._given.get(f"{card.name}:{card.version}", {})})

    def largest(self, name: str) -> int:
        """The largest value that any model has of a limit; 0 if none has its own."""
        return max((limits.get(name, 0) for limits in self._given.values()), default=0)


def _limits(key: str, found: object) -> dict[str, int]:
    name, separator, version = key.partition(":")
    check_model(name)
    if separator:
        check_version(version)
    limits = entries(found, f"The limits of {key}", _EXAMPLE_LIMITS, NAMES)
    for limit, value in limits.items():
        _check(key, limit, value)
    return limits


def _check(key: str, limit: str, value: Any) -> None:
    """Hold a limit to the bounds of the setting whose name it has."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadObject(f"The {limit} of {key} is {shown(value)}, and must be a whole number.")
    try:
        Settings.model_validate({limit: value})
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Input should")
        raise BadObject(f"The {limit} of {key} is {shown(value)}; it should{why}.") from None
