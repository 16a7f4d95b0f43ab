"""What was unloaded on purpose stays away, name by name and version by version."""

from __future__ import annotations

from service.fleet.withheld import Withheld


def admitted(withheld: Withheld) -> list[str]:
    return [
        f"{name}{version}" for name in "ab" for version in "12" if withheld.admits(name, version)
    ]


def test_at_first_nothing_is() -> None:
    assert admitted(Withheld()) == ["a1", "a2", "b1", "b2"]


def test_a_model_with_all_its_versions() -> None:
    withheld = Withheld().withholding("a")
    assert admitted(withheld) == ["b1", "b2"]
    assert admitted(withheld.admitting("a")) == ["a1", "a2", "b1", "b2"]


def test_one_version() -> None:
    withheld = Withheld().withholding("a", "1")
    assert admitted(withheld) == ["a2", "b1", "b2"]
    assert admitted(withheld.admitting("a", "1")) == ["a1", "a2", "b1", "b2"]
    assert admitted(withheld.admitting("a")) == ["a1", "a2", "b1", "b2"]
    assert admitted(withheld.admitting("b", "1")) == ["a2", "b1", "b2"]


def test_one_version_of_a_model_that_is_withheld_as_a_whole() -> None:
    withheld = Withheld().withholding("a").admitting("a", "2")
    assert admitted(withheld) == ["a2", "b1", "b2"]
    assert admitted(withheld.withholding("a", "2")) == ["b1", "b2"]


def test_a_whole_model_takes_the_place_of_its_versions() -> None:
    withheld = Withheld().withholding("a", "1").withholding("a")
    assert withheld == Withheld({"a": frozenset()})
