"""Which version of a model answers, and which others are shown its photographs as well.

Nothing here loads or asks a model: a rollout is numbers, and may be there before its versions are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal, TypeAlias

from service.fleet.json_object import (
    BadObject,
    check_model,
    check_version,
    entries,
    read_object,
    shown,
)
from service.settings import BadSettings, Settings

__all__ = ["EXAMPLE", "Plan", "Rollout", "Source", "plan_of", "plans_in", "point"]

# Whence a plan is: BOOTH_ROLLOUT and BOOTH_SHADOW, rollout.json, or PUT.
Source: TypeAlias = Literal["settings", "repository", "request"]

MOST_WEIGHT = 1_000_000
MOST_MODELS = 256
_EXAMPLE_WEIGHTS = '{"1": 95, "2": 5}'
_EXAMPLE_SHADOW = '{"3": 0.1}'
EXAMPLE = f'{{"weights": {_EXAMPLE_WEIGHTS}, "shadow": {_EXAMPLE_SHADOW}}}'
_BITS = 53  # of a float's fraction


@dataclass(frozen=True, slots=True)
class Plan:
    """The rollout of one model; without either part, it has none.

    Attributes:
        weights: of the versions that answer requests which name none: one has its weight's share.
        shadow: the share, 0 to 1, of the requests whose photographs a version is shown as well.

    """

    weights: Mapping[str, float] = field(default_factory=dict)
    shadow: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.weights or self.shadow)

    def choose(self, versions: Sequence[str], point: float) -> str:
        """The version that answers.

        Args:
            versions: that are loaded, the newest last; at least one.
            point: from 0 up to 1. The newest has the highest points: whose point is that of a new
                version keeps it while its weight grows.

        """
        left = point * sum(self.weights.get(version, 0) for version in versions)
        chosen = ""
        for version in versions:
            weight = self.weights.get(version, 0)
            if weight:
                chosen, left = version, left - weight
                if left < 0:
                    break
        return chosen or self._newest(versions)

    def main(self, versions: Sequence[str]) -> str:
        """The version that answers most requests, the newer one of two that answer as many.

        Args:
            versions: that are loaded, the newest last; at least one.

        """
        shares = self.shares(versions)
        return max(reversed(versions), key=lambda version: shares[version])

    def shares(self, versions: Sequence[str]) -> dict[str, float]:
        """Of each version that is loaded, the share of requests that it answers."""
        weights = {version: self.weights.get(version, 0) for version in versions}
        total = sum(weights.values())
        if total:
            return {version: weight / total for version, weight in weights.items()}
        newest = self._newest(versions) if versions else ""
        return {version: float(version == newest) for version in versions}

    def _newest(self, versions: Sequence[str]) -> str:
        """The newest that is no shadow: one that is only compared must not begin to answer."""
        served = [version for version in versions if not self.shadow.get(version)]
        return (served or versions)[-1]


class Rollout:
    """The plans of all models. Safe to use from many threads: a change swaps all of them.

    Args:
        plans: as the settings have them.

    Attributes:
        plans: that hold now, by the models' names; a model without one is not among them.

    """

    def __init__(self, plans: Mapping[str, Plan] | None = None) -> None:
        self._settings = dict(plans or {})
        self._repository: Mapping[str, Plan] = {}
        self._requests: dict[str, Plan] = {}
        self._changing = threading.Lock()
        self.plans: Mapping[str, Plan] = {}
        self._swap()

    @classmethod
    def from_settings(cls, settings: Settings) -> Rollout:
        """As set.

        Raises:
            BadSettings: it won't do.

        """
        weights = _read_setting("BOOTH_ROLLOUT", settings.rollout, _weights, _EXAMPLE_WEIGHTS)
        shadow = _read_setting("BOOTH_SHADOW", settings.shadow, _shadow, _EXAMPLE_SHADOW)
        return cls(
            {name: Plan(weights.get(name, {}), shadow.get(name, {})) for name in weights | shadow}
        )

    def replace(self, plans: Mapping[str, Plan]) -> bool:
        """Take over the plans of the repository, which come before those of the settings.

        Those of requests end, unless the repository's are what they were the time before.

        Returns:
            Whether they are others than the time before.

        """
        with self._changing:
            if plans == self._repository:
                return False
            self._repository, self._requests = dict(plans), {}
            self._swap()
            return True

    def put(self, name: str, plan: Plan) -> None:
        """Set one model's plan, until the repository's change.

        Raises:
            BadObject: there are too many plans.

        """
        with self._changing:
            if name not in self._requests and len(self._requests) >= MOST_MODELS:
                raise BadObject(f"{MOST_MODELS} models have a rollout, as many as may.")
            self._requests = {**self._requests, name: plan}
            self._swap()

    def plan(self, name: str) -> tuple[Plan, Source | None]:
        """A model's plan, and whence it is; an empty one, from nowhere, if it has none."""
        sources: tuple[tuple[Mapping[str, Plan], Source], ...] = (
            (self._requests, "request"),
            (self._repository, "repository"),
            (self._settings, "settings"),
        )
        for plans, source in sources:
            if name in plans:
                return plans[name], source
        return Plan(), None

    def _swap(self) -> None:
        together = {**self._settings, **self._repository, **self._requests}
        self.plans = {name: plan for name, plan in together.items() if plan}


def point(request_id: str, purpose: str = "") -> float:
    """A number from 0 up to 1 that looks like chance, and is the same for the same id and purpose.

    So the choice holds from the head of a request to its end, and can be told afterwards.
    """
    digest = blake2b(f"{purpose} {request_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> (64 - _BITS)) / (1 << _BITS)


def plans_in(text: str | bytes) -> dict[str, Plan]:
    """The plans that ``rollout.json`` holds, by the models' names.

    Raises:
        BadObject: it won't do.

    """
    found = read_object(text, f'{{"places365": {EXAMPLE}}}')
    return {name: plan_of(plan, name) for name, plan in found.items()}


def plan_of(found: object, name: str) -> Plan:
    """The plan of one model, out of JSON.

    Raises:
        BadObject: it won't do, or no model can have that name.

    """
    check_model(name)
    whose = f"The rollout of {name}"
    parts = entries(found, whose, EXAMPLE, ("weights", "shadow"))
    return Plan(_weights(parts.get("weights", {}), name), _shadow(parts.get("shadow", {}), name))


def _read_setting(
    variable: str, text: str, read: Callable[[Any, str], dict[str, float]], example: str
) -> dict[str, dict[str, float]]:
    """What a setting says of each model."""
    if not text.strip():
        return {}
    try:
        found = read_object(text, f'{{"places365": {example}}}')
        for name in found:
            check_model(name)
        return {name: read(numbers, name) for name, numbers in found.items()}
    except BadObject as error:
        raise BadSettings(f"{variable} won't do: {error}") from None


def _weights(found: object, name: str) -> dict[str, float]:
    whose = f"The weight of version {{}} of {name}"
    weights = _numbers(found, f"The weights of {name}", _EXAMPLE_WEIGHTS, whose, MOST_WEIGHT)
    if weights and not any(weights.values()):
        raise BadObject(
            f"The weights of {name} are all 0; give a version more, or leave the weights out."
        )
    return weights


def _shadow(found: object, name: str) -> dict[str, float]:
    whose = f"The share of the shadow {{}} of {name}"
    return _numbers(found, f"The shadow of {name}", _EXAMPLE_SHADOW, whose, 1)


def _numbers(
    found: object, all_of_them: str, example: str, one: str, most: float
) -> dict[str, float]:
    numbers = entries(found, all_of_them, example)
    for version, number in numbers.items():
        check_version(version)
        is_number = isinstance(number, int | float) and not isinstance(number, bool)
        if not (is_number and 0 <= number <= most):  # which NaN is not
            whose = one.format(version)
            raise BadObject(f"{whose} is {shown(number)}, and must be a number from 0 to {most}.")
    return numbers
