"""What several commands share."""

from __future__ import annotations

import pytest

from service.cli.options import progress


def test_a_bar_is_shown_to_a_person_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(3, "Classifying") as bar:
        bar.update(3)
    assert capsys.readouterr().err == ""  # the test's standard error is no terminal
