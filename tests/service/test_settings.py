"""Settings: read once, and nothing misspelt goes unnoticed; tests/docs holds their page."""

from __future__ import annotations

import re

import pytest

from service.settings import BadSettings, read_settings


def test_the_defaults_need_no_environment() -> None:
    settings = read_settings({})
    assert (settings.port, settings.models) == (8000, ("places365", "efficientnet_lite0"))


def test_lists_are_separated_by_commas() -> None:
    settings = read_settings({"BOOTH_MODELS": "a, b ,,c", "BOOTH_PROVIDERS": ""})
    assert settings.models == ("a", "b", "c")
    assert settings.providers == ()


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"BOOTH_PROT": "80"}, "no setting BOOTH_PROT; did you mean BOOTH_PORT?"),
        ({"BOOTH_XYZZY": "1"}, "see docs/settings.md for all"),
        ({"BOOTH_PORT": "many"}, "BOOTH_PORT='many' won't do"),
        ({"BOOTH_QUEUE_SIZE": "0"}, "BOOTH_QUEUE_SIZE='0' won't do"),
        ({"BOOTH_LOG": "xml"}, "BOOTH_LOG='xml' won't do"),
    ],
)
def test_a_wrong_setting_is_refused_in_a_sentence(
    environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(BadSettings, match=re.escape(sentence)):
        read_settings(environment)


def test_variables_of_other_parts_of_booth_are_no_misspelling() -> None:
    of_others = {"BOOTH_URL": "http://elsewhere", "PATH": "/bin"}
    assert read_settings(of_others) == read_settings({})


def test_secrets_are_hidden_when_shown() -> None:
    shown = str(read_settings({"BOOTH_API_KEYS": "swordfish,opensesame"}))
    assert "swordfish" not in shown
    assert "opensesame" not in shown
    assert "BOOTH_API_KEYS=" in shown
