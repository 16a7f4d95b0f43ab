"""Settings: read once, and nothing misspelt goes unnoticed; tests/docs holds their page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.settings import BadSettings, Settings, read_settings


def test_the_defaults_need_no_environment() -> None:
    settings = read_settings({})
    assert settings.port == 8000
    assert settings.models == ("places365", "efficientnet_lite0", "lenet5")


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


def of_file(folder: Path, text: str, **variables: str) -> Settings:
    file = folder / "booth.env"
    file.write_text(text)
    return read_settings({"BOOTH_ENV_FILE": str(file), **variables})


def test_a_file_s_settings_stand_behind_the_environment_s(tmp_path: Path) -> None:
    text = "export BOOTH_PORT=9000\nBOOTH_MODELS='a, b' # two\nBOOTH_LOG_LEVEL=debug\n"
    settings = of_file(tmp_path, text, BOOTH_PORT="9001")
    assert (settings.port, settings.models, settings.log_level) == (9001, ("a", "b"), "debug")
    assert f"BOOTH_ENV_FILE={tmp_path / 'booth.env'}" in str(settings)


def test_a_file_s_keys_are_hidden(tmp_path: Path) -> None:
    settings = of_file(tmp_path, "BOOTH_API_KEYS=secret\n")
    assert settings.asks_for_keys
    assert "secret" not in str(settings)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "\nBOOTH_PRT=1",
            r"no setting BOOTH_PRT \(.*booth.env, line 2\); did you mean BOOTH_PORT\?",
        ),
        ("PORT=1", r"no setting PORT \(.*booth.env, line 1\); did you mean BOOTH_PORT\?"),
        ("BOOTH_URL=http://a", r"There is no setting BOOTH_URL \(.*line 1\)"),
        ("BOOTH_ENV_FILE=a", r"BOOTH_ENV_FILE can't stand in the file itself \(.*line 1\)\."),
        ("BOOTH_PORT=a", r"BOOTH_PORT='a' \(.*booth.env, line 1\) won't do: "),
        ("BOOTH_API_KEYS=sha256:secret", r"^BOOTH_API_KEYS \(.*line 1\) won't do: .*digits\.$"),
        ("BOOTH_PORT", r"^BOOTH_ENV_FILE='.*booth.env' won't do: line 1 must be NAME=value"),
    ],
)
def test_a_file_s_mistake_is_told_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(BadSettings, match=sentence) as caught:
        of_file(tmp_path, text)
    assert "secret" not in str(caught.value)


def test_a_wrong_variable_of_the_environment_is_not_the_file_s(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"^BOOTH_PORT='a' won't do: "):
        of_file(tmp_path, "BOOTH_PORT=9000", BOOTH_PORT="a")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"can't be read: No such file or directory\.$"):
        read_settings({"BOOTH_ENV_FILE": str(tmp_path / "none.env")})


def test_clouds_tell_what_booth_s_own_variables_do_not() -> None:
    vertex = {
        "AIP_HTTP_PORT": "8080",
        "AIP_HEALTH_ROUTE": "/health",
        "AIP_PREDICT_ROUTE": "/predict",
    }
    told = read_settings(vertex)
    assert (told.port, told.health_route, told.predict_route) == (8080, "/health", "/predict")
    own = read_settings({**vertex, "BOOTH_PORT": "1", "BOOTH_HEALTH_ROUTE": "/healthz"})
    assert (own.port, own.health_route, own.predict_route) == (1, "/healthz", "/predict")
    assert read_settings({"SAGEMAKER_BIND_TO_PORT": "9000"}).port == 9000
    assert read_settings({"SAGEMAKER_BIND_TO_PORT": ""}).port == 8000


@pytest.mark.parametrize(
    ("health", "predict"),
    [
        ("/v1/endpoints/1/deployedModels/2", "/v1/endpoints/1/deployedModels/2:predict"),
        ("/readyz", "/invocations"),
        ("/v2/health/ready", "/v1/models/places365/versions/2:predict"),
        ("/health/", "/a/b/"),
    ],
)
def test_routes_of_clouds_may_be_such(health: str, predict: str) -> None:
    told = read_settings({"AIP_HEALTH_ROUTE": health, "AIP_PREDICT_ROUTE": predict})
    assert (told.health_route, told.predict_route) == (health, predict)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"AIP_HTTP_PORT": "http"}, "AIP_HTTP_PORT='http' won't do"),
        ({"AIP_HTTP_PORT": "99999"}, "AIP_HTTP_PORT='99999' won't do"),
        ({"AIP_PREDICT_ROUTE": "/a//b"}, r"'/a//b' won't do: it must be a path of letters"),
        ({"AIP_PREDICT_ROUTE": "/a?b=c"}, r"AIP_PREDICT_ROUTE won't do: it must be a path of"),
        ({"AIP_STORAGE_URI": "gs://b/m?token=1"}, r"AIP_STORAGE_URI won't do: it must be a URL"),
        (
            {"AIP_PREDICT_ROUTE": "/classify"},
            "/classify is an address of Booth's own; take another",
        ),
        ({"BOOTH_PREDICT_ROUTE": "/hf/places365"}, "BOOTH_PREDICT_ROUTE='/hf/places365' won't do"),
        ({"AIP_HEALTH_ROUTE": "/invocations"}, "take another one, such as /health"),
        ({"AIP_HEALTH_ROUTE": "/"}, "it must be a path of letters"),
        ({"AIP_HEALTH_ROUTE": "health"}, "it must be a path of letters"),
        ({"AIP_HEALTH_ROUTE": "/a/../metrics"}, "it must be a path of letters"),
        ({"AIP_PREDICT_ROUTE": "/{name}"}, "it must be a path of letters"),
        ({"AIP_HEALTH_ROUTE": "/a", "AIP_PREDICT_ROUTE": "/a"}, "it is the health route as well"),
        ({"BOOTH_ROOT_PATH": "/a", "AIP_PREDICT_ROUTE": "/a/b"}, "stands without the prefix /a"),
    ],
)
def test_routes_of_clouds_that_won_t_do(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadSettings) as refused:
        read_settings(given)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("url", ["s3://user:secret@bucket/models", "https://host/m?sig=secret"])
def test_a_repository_with_a_secret_in_it_is_refused_and_not_told(url: str) -> None:
    with pytest.raises(BadSettings, match="without user, password or query") as refusal:
        read_settings({"BOOTH_REPOSITORY": url})
    assert "secret" not in str(refusal.value)
    assert read_settings({"BOOTH_REPOSITORY": "/models/@home"}).repository == "/models/@home"


def test_an_artifact_s_uri_is_the_repository_unless_another_is_set() -> None:
    told = {"AIP_STORAGE_URI": "gs://bucket/models"}
    assert read_settings(told).repository == "gs://bucket/models"
    assert read_settings({**told, "BOOTH_REPOSITORY": ""}).repository == ""
    assert read_settings({"AIP_STORAGE_URI": ""}).repository == ""
