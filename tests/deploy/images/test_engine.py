from __future__ import annotations

import pytest

from deploy.images.engine import Engine, NotSo, expect
from tests.deploy.images.conftest import Said


def test_without_the_program_it_says_what_to_install() -> None:
    missing = Engine("no-such-engine").missing()
    assert missing == "no-such-engine is not on the path; install Docker Engine 25 or newer."


def test_a_client_without_an_engine_is_told(said: Said) -> None:
    missing = said({"version": ("Cannot connect", 1)}).missing()
    assert missing
    assert "no engine answers" in missing


def test_an_engine_that_answers_is_there(said: Said) -> None:
    assert said({"version": ("26.1.5", 0)}).missing() is None


def test_a_command_that_fails_ends_the_proof_with_its_last_lines(said: Said) -> None:
    engine = said({"build": ("\n".join(f"line {n}" for n in range(40)), 1)})
    with pytest.raises(NotSo, match="line 39") as failure:
        engine.run("build", ".")
    assert "line 19" not in str(failure.value)
    assert engine.run("build", ".", check=False).returncode == 1


def test_what_it_knows_is_read(said: Said) -> None:
    assert said({"inspect one": ([{"Size": 5}], 0)}).inspect("one") == {"Size": 5}


def test_what_does_not_hold_is_told_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    expect(True, "the sky is blue")
    assert capsys.readouterr().out == "the sky is blue\n"
    with pytest.raises(NotSo, match=r"^Not so: the sky is green\. It is blue$"):
        expect(False, "the sky is green", "It is blue")
