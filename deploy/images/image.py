"""Build an image, and look at what it is made of."""

from __future__ import annotations

import re
import time
from pathlib import Path

from deploy.images.engine import BUILT_WITHIN_S, Engine, expect, say

__all__ = ["TARGETS", "build", "check_context", "check_image"]

REPOSITORY = Path(__file__).resolve().parents[2]
TARGETS = ("service", "demo", "gpu", "export")
# What a build may see: no secret, no history, no cache.
MAY_BE_SEEN = re.compile(
    r"(?!.*(__pycache__|/\.))"
    r"(LICENSE|NOTICE|README\.md|constraints\.txt|pyproject\.toml"
    r"|deploy/(healthy|requirements)\.py|deploy/requirements-gpu\.txt"
    r"|(client/booth_client|demo|export|models|service)/.+)"
)
SEES = """\
FROM {base}
COPY . /seen
RUN cd /seen && find . -type f
"""
CUDA_PROVIDER = (
    "/opt/booth/lib/python3.*/site-packages/onnxruntime/capi/libonnxruntime_providers_cuda.so"
)


def build(engine: Engine, target: str, options: list[str]) -> str:
    """Build a target of the Dockerfile; the name of the image.

    Raises:
        NotSo: it can't be built.

    """
    name, started = f"booth:{target}", time.monotonic()
    words = ["build", "--target", target, "--tag", name, *options, str(REPOSITORY)]
    engine.run(*words, within_s=BUILT_WITHIN_S)
    say(f"{target}: built in {time.monotonic() - started:.0f} s")
    return name


def check_context(engine: Engine, base: str, options: list[str]) -> None:
    """Only what an image is made of reaches the engine.

    Raises:
        NotSo: something else does.

    """
    words = ["build", "--no-cache", "--progress=plain", "--file=-", *options, str(REPOSITORY)]
    done = engine.run(*words, within_s=BUILT_WITHIN_S, stdin=SEES.format(base=base))
    files = re.findall(r"^#\d+ [\d.]+ \./(.+)$", done.stdout + done.stderr, re.MULTILINE)
    foreign = [one for one in files if not MAY_BE_SEEN.fullmatch(one)]
    expect("pyproject.toml" in files, f"the build sees {len(files)} files")
    expect(not foreign, "none of them is a secret, a history or a cache", str(foreign[:5]))


def check_image(engine: Engine, name: str, target: str, base: str) -> None:
    """It is as small as it can be, runs as nobody in particular, and can be watched and ended.

    Raises:
        NotSo: it isn't.

    """
    image, below = engine.inspect(name), engine.inspect(base)
    own = image["Size"] - below["Size"]
    say(f"{target}: {image['Size'] / 1e6:.0f} MB, of these {own / 1e6:.0f} MB on top of {base}")
    config = image["Config"]
    user = config["User"]
    expect(re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user) is not None, f"it runs as user {user}")
    # Without a shell, which would keep signals to itself.
    expect(config["Entrypoint"][0] != "/bin/sh", f"it starts {config['Entrypoint']}")
    if target != "export":
        expect(config["Healthcheck"]["Test"][0] == "CMD", "it has a health check without a shell")
    _check_content(engine, name, target)


def _check_content(engine: Engine, name: str, target: str) -> None:
    def has(command: str) -> bool:
        words = ["run", "--rm", "--network=none", "--entrypoint=sh", name, "-c", command]
        return engine.run(*words, check=False).returncode == 0

    expect(not has("command -v cc || command -v gcc || command -v make"), "there is no compiler")
    torch = has("python3 -c 'import torch, torchvision, onnx, matplotlib'")
    expect(torch == (target == "export"), f"torch: {'there' if torch else 'not there'}")
    if target == "gpu":
        # The driver's own library comes with the machine.
        missing = f"ldd {CUDA_PROVIDER} | grep 'not found' | grep -v libcuda.so.1"
        expect(not has(missing), "the CUDA provider finds all its libraries but the driver's")
