"""The unit of systemd: systemd takes it, it is closed, and it agrees with Booth."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from service.settings import Settings, variable
from tests.conftest import ROOT
from tests.deploy.dockerfile import STAGES

UNIT = ROOT / "deploy/systemd/booth.service"
DROP_INS = sorted((ROOT / "deploy/systemd/booth.service.d").glob("*.conf"))
LINE = re.compile(r"([A-Za-z]+)=(.*)")
EXPOSURE = 15  # in tenths, of 100; a service that nobody hardened has 96


def lines(file: Path) -> dict[str, list[str]]:
    """What each name of a unit is set to, one value a line that sets it."""
    found: dict[str, list[str]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if match := LINE.fullmatch(line):
            found.setdefault(match[1], []).append(match[2])
    return found


def variables(file: Path) -> dict[str, str]:
    words = " ".join(lines(file).get("Environment", [])).split()
    return dict(word.split("=", 1) for word in words)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze; the test skips without one that needs no systemd to run."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze, of the package systemd, is not on this machine")
    command = ["systemd-analyze", "--no-pager", *arguments]
    return subprocess.run(command, check=False, capture_output=True, encoding="utf-8", timeout=60)


def installed(folder: Path, drop_ins: Sequence[Path]) -> str:
    """The unit with these drop-ins, whose program is one that exists here."""
    text = UNIT.read_text(encoding="utf-8").replace("/opt/booth/bin/booth", sys.executable)
    (folder / UNIT.name).write_text(text)
    (folder / f"{UNIT.name}.d").mkdir()
    for one in drop_ins:
        shutil.copy(one, folder / f"{UNIT.name}.d")
    return str(folder / UNIT.name)


@pytest.mark.parametrize("name", ["", *(one.stem for one in DROP_INS)])
def test_systemd_finds_nothing_in_it(name: str, tmp_path: Path) -> None:
    unit = installed(tmp_path, [one for one in DROP_INS if one.stem == name])
    done = analyze("verify", "--man=no", "--recursive-errors=no", unit)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_misspelt_name_would_be_found(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.conf"
    wrong.write_text("[Service]\nProtectSytem=strict\n")
    done = analyze("verify", "--man=no", "--recursive-errors=no", installed(tmp_path, [wrong]))
    assert "ProtectSytem" in done.stderr


def test_little_of_the_machine_is_open_to_it(tmp_path: Path) -> None:
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", installed(tmp_path, []))
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd judges no unit that does not run")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_end_waits_for_what_was_accepted() -> None:
    (seconds,) = lines(UNIT)["TimeoutStopSec"]
    assert int(seconds) * 1000 > Settings.model_fields["grace_ms"].default


def test_what_openvino_needs_is_not_taken_away() -> None:
    """OpenVINO can't write its code then, and ONNX Runtime runs the networks in its place."""
    assert "MemoryDenyWriteExecute" not in lines(UNIT)
    for one in DROP_INS:
        if "MemoryDenyWriteExecute" in lines(one):
            assert variables(one)["BOOTH_PROVIDERS"] == "cpu"


def test_its_variables_are_booths_and_the_images() -> None:
    image = STAGES["runtime"].last("ENV")
    assert image
    named = set().union(*map(variables, [UNIT, *DROP_INS]))
    known = {*map(variable, Settings.model_fields), *image.pairs}
    assert {"BOOTH_MODEL_DIR", "BOOTH_API_KEYS_FILE"} <= named <= known
    assert variables(UNIT)["MALLOC_MMAP_THRESHOLD_"] == image.pairs["MALLOC_MMAP_THRESHOLD_"]
