from __future__ import annotations

from typing import Any

import pytest

from deploy.images.engine import NotSo
from deploy.images.image import check_context, check_image
from tests.deploy.images.conftest import Said

BASE = [{"Size": 280_000_000}]
GOOD = {
    "User": "10001:10001",
    "Entrypoint": ["booth"],
    "Healthcheck": {"Test": ["CMD", "python3"]},
}
NOT_THERE = {"command -v": ("", 1), "import torch": ("", 1)}


def image(**changed: Any) -> list[dict[str, Any]]:
    return [{"Size": 680_000_000, "Config": {**GOOD, **changed}}]


def test_an_image_as_it_is_to_be(said: Said, capsys: pytest.CaptureFixture[str]) -> None:
    engine = said({"inspect new": (image(), 0), "inspect base": (BASE, 0), **NOT_THERE})
    check_image(engine, "new", "service", "base")
    assert "service: 680 MB, of these 400 MB on top of base" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "inside", "told"),
    [
        ({"User": ""}, NOT_THERE, "it runs as user"),
        ({"User": "0:0"}, NOT_THERE, "it runs as user"),
        ({"User": "booth"}, NOT_THERE, "it runs as user"),
        ({"Entrypoint": ["/bin/sh", "-c", "booth"]}, NOT_THERE, "it starts"),
        ({"Healthcheck": {"Test": ["CMD-SHELL", "x"]}}, NOT_THERE, "health check"),
        ({}, {**NOT_THERE, "command -v": ("/usr/bin/gcc", 0)}, "compiler"),
        ({}, {**NOT_THERE, "import torch": ("", 0)}, "torch: there"),
    ],
)
def test_what_is_wrong_with_an_image_is_told(
    said: Said, changed: dict[str, Any], inside: dict[str, tuple[str, int]], told: str
) -> None:
    engine = said({"inspect new": (image(**changed), 0), "inspect base": (BASE, 0), **inside})
    with pytest.raises(NotSo, match=told):
        check_image(engine, "new", "service", "base")


SEEN = "#7 0.123 ./pyproject.toml\n#7 0.124 ./service/run/app.py\n#7 0.125 ./{}"


@pytest.mark.parametrize("harmless", ["models/zoo/lenet5.onnx", "demo/assets/js/main.js"])
def test_a_build_may_see_the_code_and_the_models(said: Said, harmless: str) -> None:
    check_context(said({"build": (SEEN.format(harmless), 0)}), "base", [])


@pytest.mark.parametrize(
    "foreign",
    ["deploy/booth.env", ".env", ".git/config", "models/.env", "service/__pycache__/a.pyc"],
)
def test_a_build_that_sees_more_is_told(said: Said, foreign: str) -> None:
    with pytest.raises(NotSo, match="secret"):
        check_context(said({"build": (SEEN.format(foreign), 0)}), "base", [])
