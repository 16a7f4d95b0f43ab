"""The proof of the Dockerfile: what it asks of an image, without building one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.build import StepFailed
from deploy.chroot import Root
from deploy.clean_root import Container, _expect, _near, _status, size_mb
from deploy.dockerfile import read_stages
from tests.conftest import ROOT

STAGES = read_stages((ROOT / "Dockerfile").read_text(encoding="utf-8"))


def test_an_image_that_names_no_user_is_refused(tmp_path: Path) -> None:
    stage = read_stages('FROM base AS service\nENTRYPOINT ["booth"]\n')["service"]
    with pytest.raises(StepFailed, match="service names no USER"):
        Container(Root(tmp_path), stage, tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="the volume is given to the image's user")
@pytest.mark.parametrize("target", ["service", "gpu", "demo"])
def test_a_container_starts_what_the_image_does_as_its_user(target: str, tmp_path: Path) -> None:
    container = Container(Root(tmp_path), STAGES[target], tmp_path)
    assert container.words
    assert container.health
    assert tmp_path.stat().st_uid > 0
    command = container.root.command(container.words, container._jail)
    assert f"--reuid={tmp_path.stat().st_uid}" in command


def test_what_does_not_hold_ends_the_proof_with_a_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _expect(True, "there is no compiler")
    assert capsys.readouterr().out == "there is no compiler\n"
    with pytest.raises(StepFailed, match=r"Not so: there is no compiler\. /usr/bin/cc"):
        _expect(False, "there is no compiler", "/usr/bin/cc")


def test_a_container_s_server_listens_on_the_loopback_device_alone() -> None:
    assert [_near(word) for word in ("booth", "0.0.0.0")] == ["booth", "127.0.0.1"]  # noqa: S104 compared


def test_a_process_tells_its_user_and_its_capabilities() -> None:
    status = _status(os.getpid())
    assert status["Uid"].split()[0] == str(os.getuid())
    assert {"CapEff", "CapBnd", "NoNewPrivs", "VmRSS"} <= set(status)


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(3_000_000))
    assert size_mb(tmp_path) == pytest.approx(3, rel=0.01)


def test_an_unknown_target_is_refused() -> None:
    command = [sys.executable, "-m", "deploy.clean_root", "--target", "nothing"]
    done = subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2
    assert "invalid choice: 'nothing'" in done.stderr
