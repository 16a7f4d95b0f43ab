from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

import pytest
from pydantic import ValidationError

import export
import models
from models.card import Input, Label
from models.errors import UserError, first_fault, validation_as


class Refused(UserError):
    """What a test is refused with."""


def _fault(record: Any, /, **values: object) -> str:
    with pytest.raises(ValidationError) as refused:
        record(**values)
    return first_fault(refused.value)


def test_a_field_is_named_with_what_it_can_not_be() -> None:
    assert _fault(Input, size=0, resize=64) == (
        "The size can't be '0': Input should be greater than 0."
    )
    assert _fault(Label, name="Booth", category="booth", kind="inside").startswith(
        "The kind can't be 'inside': "
    )


def test_what_contradicts_itself_is_told_in_its_own_words() -> None:
    assert _fault(Input, size=64, resize=32) == (
        "resize (32) must be at least size (64), or the crop has holes."
    )


def test_a_long_value_is_cut() -> None:
    assert len(_fault(Input, size="9x" * 500, resize=64)) < 250


def test_what_pydantic_refuses_becomes_an_error_of_the_users() -> None:
    with (
        pytest.raises(Refused, match=r"^The size can't be '0': ") as refused,
        validation_as(Refused),
    ):
        Input(size=0, resize=64)
    assert refused.value.__cause__ is None


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), validation_as(Refused):
        1 / 0  # noqa: B018 (it raises)


@pytest.mark.parametrize("package", [export, models], ids=lambda package: package.__name__)
def test_every_public_error_has_the_one_root(package: Any) -> None:
    roots = {UserError}
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        loaded = importlib.import_module(module.name)
        for name in getattr(loaded, "__all__", ()):
            value = getattr(loaded, name)
            if inspect.isclass(value) and issubclass(value, Exception):
                assert issubclass(value, UserError), f"{module.name}.{name}"
                roots.add(value)
    assert len(roots) > 3
