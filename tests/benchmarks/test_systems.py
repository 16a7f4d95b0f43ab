from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from benchmarks.systems import BOOTH, PEERS, Failed, Server, System, choose
from tests.conftest import ROOT

PINNED = re.compile(r"^([\w.-]+)==(\S+)$", re.MULTILINE)


def pins(file: Path) -> dict[str, str]:
    return dict(PINNED.findall(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("folder", [folder for folder, _ in PEERS.values()])
def test_peers_work_with_what_booth_works_with(folder: str) -> None:
    ours = pins(ROOT / "constraints.txt")
    theirs = pins(ROOT / "benchmarks" / "peers" / folder / "requirements.txt")
    for package in ("onnxruntime", "pillow", "numpy"):
        assert theirs[package] == ours[package]
    assert theirs.get("torch", ours["torch"]) == ours["torch"]


def test_without_names_the_plain_endpoint_and_booth_are_measured() -> None:
    assert [system.name for system in choose([], [], peers=False)] == ["plain", "Booth"]


def test_a_variant_has_other_settings() -> None:
    (variant,) = choose(["Booth"], ["Booth BOOTH_SLOTS=1"], peers=False)[1:]
    assert variant.name == "Booth BOOTH_SLOTS=1"
    assert variant.environment == {**BOOTH.environment, "BOOTH_SLOTS": "1"}


def test_an_unknown_system_is_refused() -> None:
    with pytest.raises(SystemExit, match="no system 'Boot'; there is: plain, Booth"):
        choose(["Boot"], [], peers=False)


def test_a_server_that_ends_has_its_last_words_told(model: Path) -> None:
    mute = System("Mute", (sys.executable, "-c", "print('no licence'); raise SystemExit(1)"))
    with pytest.raises(Failed, match="Mute does not answer:\nno licence"):  # noqa: SIM117
        with Server.running(mute, model, b""):
            pass
