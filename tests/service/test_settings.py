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


def test_formats_are_known_however_they_are_spelt() -> None:
    settings = read_settings({"BOOTH_FORMATS": "webp, Jpeg,JPEG,"})
    assert settings.formats == ("WebP", "JPEG")
    assert "BOOTH_FORMATS=WebP,JPEG" in str(settings)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"BOOTH_PROT": "80"}, "no setting BOOTH_PROT; did you mean BOOTH_PORT?"),
        ({"BOOTH_XYZZY": "1"}, "see docs/settings.md for all"),
        ({"BOOTH_PORT": "many"}, "BOOTH_PORT='many' won't do"),
        ({"BOOTH_QUEUE_SIZE": "0"}, "BOOTH_QUEUE_SIZE='0' won't do"),
        (
            {"BOOTH_FORMATS": "JPEG,JXL"},
            "BOOTH_FORMATS='JPEG,JXL' won't do: Input should be 'JPEG'",
        ),
        ({"BOOTH_FORMATS": ","}, "BOOTH_FORMATS=',' won't do"),
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


@pytest.mark.parametrize("keys", [",", " , ", ",,", " ", "\n", ",\t"])
def test_keys_that_are_none_are_refused(keys: str) -> None:
    with pytest.raises(BadSettings, match="holds no key") as refusal:
        read_settings({"BOOTH_API_KEYS": keys})
    assert "BOOTH_API_KEYS" in str(refusal.value)


def test_a_password_is_not_printed_when_it_is_refused() -> None:
    with pytest.raises(BadSettings) as refusal:
        read_settings({"BOOTH_OTLP_ENDPOINT": "http://me:secret@collector:4318"})
    assert "secret" not in str(refusal.value)


def test_only_what_is_given_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOTH_PORT", "1234")
    monkeypatch.setenv("BOOTH_MODEL_DIR", "/elsewhere")
    settings = read_settings({})
    assert (settings.port, str(settings.model_dir)) != (1234, "/elsewhere")
    assert settings.port == 8000


def test_a_digest_that_is_none_is_refused_and_not_printed() -> None:
    with pytest.raises(BadSettings, match="64 hexadecimal digits") as refusal:
        read_settings({"BOOTH_API_KEYS": "sha256:123cafe"})
    assert "cafe" not in str(refusal.value)


@pytest.mark.parametrize("service", ["BOOTH", "BOOTH_API", "BOOTH_PAGE_2"])
def test_what_kubernetes_tells_of_a_service_of_that_name_is_passed_over(service: str) -> None:
    given = {
        f"{service}_SERVICE_HOST": "10.0.0.7",
        f"{service}_SERVICE_PORT": "8000",
        f"{service}_SERVICE_PORT_HTTP": "8000",
        f"{service}_PORT": "tcp://10.0.0.7:8000",
        f"{service}_PORT_8000_TCP": "tcp://10.0.0.7:8000",
        f"{service}_PORT_8000_TCP_PROTO": "tcp",
        f"{service}_PORT_8000_TCP_PORT": "8000",
        f"{service}_PORT_8000_TCP_ADDR": "10.0.0.7",
    }
    assert read_settings(given) == read_settings({})


@pytest.mark.parametrize("name", ["BOOTH_API_PORT", "BOOTH_SERVICE", "BOOTH_PORTS"])
def test_other_names_are_still_refused(name: str) -> None:
    with pytest.raises(BadSettings, match=name):
        read_settings({name: "8000"})
