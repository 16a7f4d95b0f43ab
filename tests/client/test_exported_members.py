"""What ``from booth_client import ...`` offers: every public name, once."""

from __future__ import annotations

import booth_client
from booth_client import client, errors, wire

PUBLIC = {*client.__all__, *errors.__all__, *wire.__all__}


def test_all_public_names_are_exported_and_sorted() -> None:
    assert set(booth_client.__all__) == PUBLIC
    # Constants first, as the linter sorts them.
    assert booth_client.__all__ == sorted(PUBLIC, key=lambda name: (not name.isupper(), name))


def test_each_is_the_very_object_of_its_module() -> None:
    for module in (client, errors, wire):
        for name in module.__all__:
            assert getattr(booth_client, name) is getattr(module, name)


def test_every_error_is_in_the_tree_and_drawn_in_it() -> None:
    assert errors.__doc__
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), errors.BoothError)
        assert name in errors.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(booth_client, "Clinet")
