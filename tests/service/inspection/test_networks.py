"""Networks that are open: as many as may be, of the file as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.inspection.networks import ModelVersion, Networks, ReplacedError


def version(path: Path, content: bytes) -> ModelVersion:
    path.write_bytes(content)
    return ModelVersion(str(path), path.stat().st_mtime)


def test_the_last_four_stay_open_and_tell_what_they_hold(tmp_path: Path) -> None:
    networks, opened = Networks(), []

    def open_network(content: bytes) -> bytes:
        opened.append(content)
        return content

    models = [version(tmp_path / str(number), b"%d" % number * 100) for number in range(5)]
    for model in [*models, models[4], models[0]]:
        assert networks.get("a", model, open_network) == opened[-1]
    assert [content[:1] for content in opened] == [b"0", b"1", b"2", b"3", b"4", b"0"]
    assert networks.kept_bytes == 4 * 200
    networks.get("b", models[0], open_network)
    assert len(opened) == 7


def test_another_file_in_the_place_of_a_model_is_not_opened(tmp_path: Path) -> None:
    model = version(tmp_path / "a", b"one")
    for stale in (model._replace(modified=model.modified - 1), model._replace(path="/none/here")):
        with pytest.raises(ReplacedError):
            Networks().get("a", stale, bytes)
