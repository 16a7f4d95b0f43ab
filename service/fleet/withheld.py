"""Which models were unloaded on purpose, and so stay away until they are loaded on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Withheld"]


@dataclass(frozen=True, slots=True)
class Withheld:
    """Names and versions of models; a change gives another one.

    Attributes:
        names: models of which no version is admitted, but for those that are named here.
        versions: names and versions of single ones.

    """

    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    versions: frozenset[tuple[str, str]] = frozenset()

    def admits(self, name: str, version: str) -> bool:
        """Whether a model may be loaded."""
        if name in self.names:
            return version in self.names[name]
        return (name, version) not in self.versions

    def withholding(self, name: str, version: str | None = None) -> Withheld:
        """That, and a model, or one version of it, as well."""
        if version is None:
            return Withheld({**self.names, name: frozenset()}, self._others(name))
        if name in self.names:
            return Withheld({**self.names, name: self.names[name] - {version}}, self.versions)
        return Withheld(self.names, self.versions | {(name, version)})

    def admitting(self, name: str, version: str | None = None) -> Withheld:
        """That without a model, or without one version of it."""
        if version is None:
            names = {one: but for one, but in self.names.items() if one != name}
            return Withheld(names, self._others(name))
        if name in self.names:
            return Withheld({**self.names, name: self.names[name] | {version}}, self.versions)
        return Withheld(self.names, self.versions - {(name, version)})

    def _others(self, name: str) -> frozenset[tuple[str, str]]:
        return frozenset(one for one in self.versions if one[0] != name)
