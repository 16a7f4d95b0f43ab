from __future__ import annotations

import pytest

from benchmarks.decoding import KINDS, main, measure, photograph
from service.photo.apart import DecoderProcesses


def test_every_kind_is_measured_here_and_apart(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--megapixels", "0.05", "--rounds", "1"])
    _, *lines = capsys.readouterr().out.splitlines()
    assert [line[:18].strip() for line in lines] == list(KINDS)
    assert all(len(line[18:].split()) == 4 for line in lines)


def test_the_photograph_is_as_large_as_was_asked() -> None:
    assert photograph(0.12).size == (400, 300)


def test_a_file_that_tells_nothing_is_not_measured() -> None:
    with pytest.raises(ValueError, match="first bytes"):
        measure(b"?", DecoderProcesses(1), 1)
