from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from click.testing import CliRunner
from PIL import Image

from export.cli.familiarity import teach
from models.shelf import ZOO
from service.fleet.identity import read_card

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_learns_what_it_knows(photos: dict[str, bytes], tmp_path: Path) -> None:
    shipped, out = ZOO / "efficientnet_lite0.onnx", tmp_path / "taught.onnx"
    for category, name in (("n02124075", "chelsea"), ("n07920052", "coffee")):
        (tmp_path / "known" / category).mkdir(parents=True)
        (tmp_path / "known" / category / f"{name}.jpg").write_bytes(photos[name])
    grey = io.BytesIO()
    Image.fromarray(np.full((64, 64, 3), 128, np.uint8)).save(grey, "PNG")
    (tmp_path / "unknown" / "single colours").mkdir(parents=True)
    (tmp_path / "unknown" / "single colours" / "grey.png").write_bytes(grey.getvalue())

    given = [str(shipped), str(tmp_path / "known"), f"--unknown={tmp_path / 'unknown'}"]
    result = CliRunner().invoke(teach, [*given, f"--out={out}"])

    assert result.exit_code == 0, result.output
    assert "unknown: 100.0% of 1 single colours" in result.output
    card, before = read_card(out), read_card(shipped)
    assert card.familiarity
    assert card.familiarity.known[0].of == "the other half of known"
    assert [one.share for one in card.familiarity.unknown] == [1]
    assert card.model_copy(update={"familiarity": before.familiarity}) == before

    looser = tmp_path / "looser.onnx"
    result = CliRunner().invoke(teach, [*given, f"--out={looser}", "--shares", "0.97", "0.9"])
    assert result.exit_code == 0, result.output
    other = read_card(looser).familiarity
    assert other
    assert other.limit < card.familiarity.limit

    result = CliRunner().invoke(teach, [*given, "--shares", "0.97", "0.5"])
    assert result.exit_code == 1
    assert "name a larger second share" in result.output
