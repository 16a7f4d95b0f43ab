"""`booth serve`: what it refuses before it loads anything."""

from __future__ import annotations

import subprocess
import sys

from tests.service.cli.running import booth


def test_a_provider_that_is_not_installed_ends_the_start_with_a_sentence() -> None:
    result = booth("serve", environment={"BOOTH_PROVIDERS": "tpu", "BOOTH_PORT": "0"})
    assert result.returncode == 1
    assert result.stderr.decode().startswith("Error: The provider 'tpu' is not installed here;")


def test_serving_never_imports_torch_or_gradio() -> None:
    code = (
        "import sys, service.cli.local, service.run.server\n"
        "print({'torch', 'gradio', 'onnx', 'export', 'demo'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, timeout=60
    )
    assert result.stdout == b"set()\n"
