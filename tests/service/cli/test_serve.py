"""`booth serve`: what its options mean, and what it refuses before it loads anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli.main import booth as booth_command
from service.settings import Settings
from service.web.state import ServiceState
from tests.service.cli.running import booth


def test_a_provider_that_is_not_installed_ends_the_start_with_a_sentence() -> None:
    result = booth("serve", environment={"BOOTH_PROVIDERS": "tpu", "BOOTH_PORT": "0"})
    assert result.returncode == 1
    assert result.stderr.decode().startswith("Error: The provider 'tpu' is not installed here;")


def test_serving_never_imports_torch_or_gradio() -> None:
    code = (
        "import sys, service.cli.classify, service.run.server\n"
        "print({'torch', 'gradio', 'onnx', 'export', 'demo'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, timeout=60
    )
    assert result.stdout == b"set()\n"


def test_the_options_override_the_environment_and_the_settings_are_told(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Settings] = []

    def run(state: ServiceState) -> int:
        served.append(state.settings)
        return 7

    monkeypatch.setattr("service.run.server.run", run)
    monkeypatch.setattr("service.telemetry.logs.configure", lambda _form, _level: None)
    monkeypatch.setattr("service.telemetry.logs.keep_stderr", lambda: None)  # pytest's, here
    options = ["serve", "--host", "127.0.0.2", "--port", "8123", "--models", str(tiny)]
    environment = {"BOOTH_PORT": "1", "BOOTH_API_KEYS": "a-secret", "BOOTH_QUEUE_SIZE": "9"}
    result = CliRunner().invoke(booth_command, options, env=environment)
    (settings,) = served
    assert (settings.host, settings.port, settings.models) == ("127.0.0.2", 8123, (str(tiny),))
    assert settings.queue_size == 9
    assert result.exit_code == 7
    assert "BOOTH_PORT=8123" in result.stderr
    assert "a-secret" not in result.stderr
